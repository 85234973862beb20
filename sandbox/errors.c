/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * errors.c - what an error number means, in the words an API answer carries.
 * Must never be used to decide anything.
 * Called by the API and the webhooks.
 */
#include <stdlib.h>

#include "errors.h"

typedef struct row_t {
    int code;
    const char *text;
} row_t;

/* Sorted by code. */
static const row_t ROWS[] = {
    { 20001, "Unknown parameters" },
    { 20003, "Authenticate" },
    { 20004, "Method not allowed" },
    { 20007, "Page size too large" },
    { 20009, "Cannot modify this resource while it is still in progress" },
    { 20404, "The requested resource was not found" },
    { 20429, "Too Many Requests" },
    { 20500, "Internal Server Error" },
    { 20503, "Service Unavailable" },
    { 21211, "Invalid 'To' Phone Number" },
    { 21212, "Invalid 'From' Number" },
    { 21265, "'To' number cannot be a Short Code" },
    { 21266, "'To' and 'From' number cannot be the same" },
    { 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number" },
    { 21481, "Invalid Page Token" },
    { 21602, "Message body is required." },
    { 21603, "A 'From' phone number is required." },
    { 21604, "A 'To' phone number is required." },
    { 21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination" },
    { 21609, "The 'StatusCallback' URL is not a valid URL." },
    { 21610, "Attempt to send to unsubscribed recipient" },
    { 21611, "This 'From' number has exceeded the maximum number of queued messages" },
    { 21612, "Message cannot be sent with the current combination of 'To' and/or 'From' parameters" },
    { 21614, "'To' number is not a valid mobile number" },
    { 21617, "The concatenated message body exceeds the 1600 character limit" },
    { 21620, "Invalid media URL(s)" },
    { 21623, "Number of media files exceeds allowed limit" },
    { 21624, "Invalid validity period value" },
    { 21635, "'To' number cannot be a landline" },
    { 21654, "ContentSid Required" },
    { 21655, "Invalid ContentSid" },
    { 21656, "The ContentVariables Parameter is invalid" },
    { 21701, "The Messaging Service does not exist" },
    { 21703, "The Messaging Service does not have a phone number available to send a message" },
    { 21712, "The 'From' number does not belong to the Messaging Service" },
    { 21910, "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel" },
    { 30001, "Queue overflow" },
    { 30002, "Account suspended" },
    { 30003, "Unreachable destination handset" },
    { 30004, "Message blocked" },
    { 30005, "Unknown destination handset" },
    { 30006, "Landline or unreachable carrier" },
    { 30007, "Message filtered" },
    { 30008, "Unknown error" },
    { 30022, "US A2P 10DLC - Rate Limits Exceeded" },
    { 30036, "Validity Period Expired" },
    { 30400, "Invalid update of this resource" },
    { 30409, "The message can no longer be canceled" },
    { 30410, "Provider Timeout Error" },
    { 35111, "SendAt is required for a scheduled message" },
    { 35114, "Scheduling does not support this timestamp" },
    { 35118, "MessagingServiceSid is required to schedule a message" },
    { 63003, "Channel could not find To address" },
    { 63007, "Twilio could not find a Channel with the specified From address" },
    { 63016, "Failed to send freeform message because you are outside the allowed window. Please use a Message Template." },
    { 63018, "Rate limit exceeded for Channel" },
    { 63019, "Media failed to download" },
    { 63024, "Invalid message recipient" },
    { 63049, "Meta chose not to deliver this WhatsApp marketing message" },
};

static int by_code(const void *key, const void *row)
{
    return *(const int *)key - ((const row_t *)row)->code;
}

const char *sb_error_text(int code)
{
    const row_t *row = bsearch(&code, ROWS, sizeof(ROWS) / sizeof(*ROWS), sizeof(*ROWS), by_code);

    return row ? row->text : "The message could not be processed";
}
