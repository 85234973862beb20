/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * error.c - what Twilio's error numbers mean for us and for people.
 * Must never treat an unknown number as safe to send again.
 * Called by work/sender.c, api/ and store/entry.c. Numbers: Twilio, "Error and Warning Dictionary".
 */
#include <stdlib.h>

#include "twilio/error.h"

#define CONFIG TWC_ERR_CONFIG
#define RECIPIENT TWC_ERR_RECIPIENT
#define MESSAGE TWC_ERR_MESSAGE
#define FILTERED TWC_ERR_FILTERED
#define OPT_OUT TWC_ERR_OPT_OUT
#define WINDOW TWC_ERR_WINDOW
#define THROTTLE TWC_ERR_THROTTLE
#define RETRY TWC_ERR_RETRY
#define AMBIGUOUS TWC_ERR_AMBIGUOUS

/* Advice that several numbers share. */
#define ASK_ADMIN "Ask an administrator to look at the Twilio account."
#define CHECK_NUMBER "Check the number with the customer."
#define CHECK_SENDER "Choose another sender, or set this one up at Twilio."
#define CHECK_SERVICE "Check the messaging service at Twilio and in the configuration."
#define REGISTER "Finish the registration of the sender in the Twilio console."
#define CHANGE_TEXT "Change the text before you send it again."
#define SHORTEN "Shorten the message or split it."
#define CHECK_MEDIA "Check the attachment: its address, type and size."
#define CHECK_TEMPLATE "Check the template and its variables in the Twilio console."
#define WAIT_RETRIED "It is tried again by itself as long as it is queued."
#define TRY_LATER "Try again later."
#define TRY_TOMORROW "Send it again tomorrow."
#define SETUP_WHATSAPP "Check the WhatsApp sender in the Twilio console."

/* Sorted by number. */
static const twc_error_info_t table[] = {
    { 20003, CONFIG, "Twilio does not accept our credentials.", "Check the account SID and auth token in the configuration." },
    { 20005, CONFIG, "The Twilio account is not active.", ASK_ADMIN },
    { 20006, CONFIG, "The account may not use this.", ASK_ADMIN },
    { 20008, CONFIG, "Test credentials cannot do this.", "Configure the account's live credentials." },
    { 20009, RETRY, "The message cannot be removed while it is being sent.", "Try again in a few minutes." },
    { 20010, CONFIG, "The Twilio account is suspended.", ASK_ADMIN },
    { 20403, CONFIG, "The account has no permission for this.", ASK_ADMIN },
    { 20404, MESSAGE, "Twilio does not know this message.", "It may have been deleted there." },
    { 20409, MESSAGE, "Somebody changed the same thing at Twilio at the same time.", TRY_LATER },
    { 20429, THROTTLE, "Too many requests to Twilio at once.", WAIT_RETRIED },
    { 20500, AMBIGUOUS, "Twilio had an internal error.", "We look whether it was sent before trying again." },
    { 20503, AMBIGUOUS, "Twilio was not available.", "We look whether it was sent before trying again." },
    { 21210, CONFIG, "The sender's number is not verified.", CHECK_SENDER },
    { 21211, RECIPIENT, "This is not a valid phone number.", CHECK_NUMBER },
    { 21212, CONFIG, "The sender's number is not valid.", CHECK_SENDER },
    { 21214, RECIPIENT, "This number cannot be reached.", CHECK_NUMBER },
    { 21217, RECIPIENT, "This phone number does not appear to be valid.", CHECK_NUMBER },
    { 21219, CONFIG, "A trial account can only write to verified numbers.", "Verify the number at Twilio or upgrade the account." },
    { 21265, RECIPIENT, "A short code cannot receive messages.", CHECK_NUMBER },
    { 21266, MESSAGE, "Sender and recipient are the same.", "Choose another recipient." },
    { 21267, CONFIG, "A trial account cannot use a name as sender.", CHECK_SENDER },
    { 21268, RECIPIENT, "Premium numbers cannot receive messages.", CHECK_NUMBER },
    { 21408, CONFIG, "Messages to this country are not enabled.", "Enable the country under Messaging geographic permissions at Twilio." },
    { 21481, MESSAGE, "Twilio did not accept the place in its list.", TRY_LATER },
    { 21602, MESSAGE, "The message has no text.", "Write a text or attach something." },
    { 21603, MESSAGE, "The sender is missing.", "Configure a default sender or a messaging service." },
    { 21604, MESSAGE, "The recipient is missing.", "Give a recipient." },
    { 21606, CONFIG, "The sender's number is not ours or cannot send messages.", CHECK_SENDER },
    { 21607, CONFIG, "A trial account cannot send from this number.", CHECK_SENDER },
    { 21608, CONFIG, "A trial account can only write to verified numbers.", "Verify the number at Twilio or upgrade the account." },
    { 21609, CONFIG, "Twilio does not accept our status callback URL.", "Check the public URL in the configuration: a full host name, no underscore." },
    { 21610, OPT_OUT, "The recipient has opted out (STOP).", "They must text START before you can write to them again." },
    { 21611, THROTTLE, "The sender's queue at Twilio is full.", WAIT_RETRIED },
    { 21612, RECIPIENT, "This recipient cannot be reached from this sender.", "Use another sender for this country or channel." },
    { 21614, RECIPIENT, "This is not a mobile number.", CHECK_NUMBER },
    { 21617, MESSAGE, "The text is longer than 1600 characters.", SHORTEN },
    { 21618, MESSAGE, "The text is not valid.", CHANGE_TEXT },
    { 21619, MESSAGE, "The message has neither text nor attachment.", "Write a text or attach something." },
    { 21620, MESSAGE, "The address of the attachment is not valid.", CHECK_MEDIA },
    { 21622, CONFIG, "This kind of sender cannot be used together with the others given.", CHECK_SENDER },
    { 21623, MESSAGE, "There are more than ten attachments.", "Send them in several messages." },
    { 21624, MESSAGE, "The validity period is out of range.", "Use 1 to 36000 seconds." },
    { 21627, MESSAGE, "The price limit is not valid.", "Leave it out." },
    { 21635, RECIPIENT, "This is a landline.", CHECK_NUMBER },
    { 21654, MESSAGE, "Template variables were given without a template.", CHECK_TEMPLATE },
    { 21655, MESSAGE, "The template is not valid.", CHECK_TEMPLATE },
    { 21656, MESSAGE, "The template's variables are not valid.", CHECK_TEMPLATE },
    { 21659, CONFIG, "The sender is not a Twilio number of ours.", CHECK_SENDER },
    { 21660, CONFIG, "The sender belongs to another account.", CHECK_SENDER },
    { 21661, CONFIG, "The sender cannot send messages.", CHECK_SENDER },
    { 21701, CONFIG, "The messaging service does not exist.", CHECK_SERVICE },
    { 21702, RETRY, "The messaging service is not available.", WAIT_RETRIED },
    { 21703, CONFIG, "The messaging service has no number to send from.", CHECK_SERVICE },
    { 21704, CONFIG, "The messaging service has no number to send from.", CHECK_SERVICE },
    { 21705, CONFIG, "The messaging service is not valid.", CHECK_SERVICE },
    { 21709, CONFIG, "The messaging service may not be used.", CHECK_SERVICE },
    { 30001, THROTTLE, "Too many messages waited at Twilio.", TRY_LATER },
    { 30002, CONFIG, "The Twilio account was suspended while sending.", ASK_ADMIN },
    { 30003, RETRY, "The phone was switched off or out of reach.", TRY_LATER },
    { 30004, RECIPIENT, "The recipient or their carrier blocks messages from this sender.", "Reach them another way." },
    { 30005, RECIPIENT, "The number is unknown or no longer exists.", CHECK_NUMBER },
    { 30006, RECIPIENT, "This is a landline or a number that cannot be reached.", CHECK_NUMBER },
    { 30007, FILTERED, "The carrier took the message for spam.", CHANGE_TEXT },
    { 30008, RETRY, "The carrier did not deliver it and gave no reason.", TRY_LATER },
    { 30011, RECIPIENT, "The recipient's carrier takes no pictures from here.", "Send a text with a link instead." },
    { 30017, RETRY, "The carrier's network was congested.", TRY_LATER },
    { 30018, CONFIG, "The destination requires a registered sender.", REGISTER },
    { 30019, MESSAGE, "The message is too large for the carrier.", SHORTEN },
    { 30020, RETRY, "An internal error at the carrier.", TRY_LATER },
    { 30021, RETRY, "An internal error at the carrier.", TRY_LATER },
    { 30022, THROTTLE, "The campaign's rate at the carriers was reached.", TRY_LATER },
    { 30023, THROTTLE, "The brand's daily limit at the carrier was reached.", TRY_TOMORROW },
    { 30024, CONFIG, "The sender is not provisioned with the carrier.", REGISTER },
    { 30027, THROTTLE, "The campaign's daily limit at the carrier was reached.", TRY_TOMORROW },
    { 30032, CONFIG, "The toll-free number is not verified.", REGISTER },
    { 30033, CONFIG, "The carriers have suspended the campaign.", ASK_ADMIN },
    { 30034, CONFIG, "US carriers require a registered campaign for this number.", REGISTER },
    { 30035, CONFIG, "The registration of this number is still under way.", "Wait until Twilio says that it is complete." },
    { 30036, RETRY, "The message was not delivered within its validity period.", "Send it again if it still matters." },
    { 30037, CONFIG, "Messages from this sender are blocked.", ASK_ADMIN },
    { 30039, MESSAGE, "Twilio took this for two machines talking to each other.", "Look at the conversation before you write again." },
    { 30040, CONFIG, "The destination requires another registration of the sender.", REGISTER },
    { 30041, CONFIG, "The destination requires another registration of the sender.", REGISTER },
    { 30042, CONFIG, "The destination requires another registration of the sender.", REGISTER },
    { 30047, RETRY, "Twilio could not move the message out of quiet hours.", TRY_LATER },
    { 30400, MESSAGE, "The change is not allowed.", "A sent message can only be redacted or deleted." },
    { 30409, MESSAGE, "The message can no longer be canceled.", "It is on its way already." },
    { 30410, RETRY, "The carrier did not answer; the message may have arrived.", "Look before you send it again." },
    { 30450, RETRY, "Twilio held the message back as possible fraud.", "Try again in half an hour; tell an administrator if it recurs." },
    { 30453, RETRY, "Twilio held the message back as possible fraud.", "Try again in half an hour; tell an administrator if it recurs." },
    { 30454, CONFIG, "The trial account has reached its limit.", ASK_ADMIN },
    { 30500, RETRY, "Twilio had an internal error.", TRY_LATER },
    { 30610, RETRY, "It is night where the recipient is.", "Send it between 8:00 and 21:00 their time." },
    { 35111, MESSAGE, "The time to send at is missing.", "Give a time." },
    { 35114, MESSAGE, "The time to send at is not valid.", "Give a time in the future." },
    { 35115, MESSAGE, "The time to send at is too close or too far.", "Give another time." },
    { 35117, MESSAGE, "The time to send at is too close or too far.", "Give another time." },
    { 35118, MESSAGE, "Only a messaging service can send at a later time.", CHECK_SERVICE },
    { 35126, MESSAGE, "The scheduling of this message is not valid.", "Give another time." },
    { 63001, CONFIG, "The WhatsApp channel could not be authenticated.", SETUP_WHATSAPP },
    { 63002, CONFIG, "The WhatsApp sender is not set up.", SETUP_WHATSAPP },
    { 63003, RECIPIENT, "This recipient cannot be reached on WhatsApp.", "Send an SMS instead." },
    { 63005, MESSAGE, "WhatsApp did not accept the content.", CHANGE_TEXT },
    { 63006, MESSAGE, "The message does not fit the channel.", CHANGE_TEXT },
    { 63007, CONFIG, "There is no WhatsApp sender with this number.", SETUP_WHATSAPP },
    { 63008, CONFIG, "The WhatsApp channel is misconfigured.", SETUP_WHATSAPP },
    { 63010, RETRY, "WhatsApp had an internal error.", TRY_LATER },
    { 63012, RETRY, "WhatsApp was not available.", TRY_LATER },
    { 63013, FILTERED, "WhatsApp refused the content by its policy.", CHANGE_TEXT },
    { 63014, OPT_OUT, "The recipient does not want messages from us.", "They must write first." },
    { 63015, CONFIG, "The recipient has not joined the WhatsApp sandbox.", "Have them send the join word, or use a real sender." },
    { 63016, WINDOW, "More than 24 hours have passed since the customer last wrote.", "Send an approved template; free text is possible again once they answer." },
    { 63017, THROTTLE, "WhatsApp's rate limit was reached.", TRY_LATER },
    { 63018, THROTTLE, "WhatsApp's rate or messaging limit was reached.", TRY_LATER },
    { 63019, MESSAGE, "The attachment could not be fetched.", CHECK_MEDIA },
    { 63020, CONFIG, "Our WhatsApp business account has not accepted Twilio's invitation.", SETUP_WHATSAPP },
    { 63021, MESSAGE, "WhatsApp did not accept the content.", CHANGE_TEXT },
    { 63022, CONFIG, "Our name on WhatsApp is not approved.", SETUP_WHATSAPP },
    { 63024, RECIPIENT, "This recipient is not on WhatsApp.", "Send an SMS instead." },
    { 63026, FILTERED, "WhatsApp refused the content.", CHANGE_TEXT },
    { 63027, CONFIG, "The template does not exist in this language.", CHECK_TEMPLATE },
    { 63028, MESSAGE, "The template needs another number of variables.", CHECK_TEMPLATE },
    { 63030, MESSAGE, "WhatsApp did not accept a parameter.", CHECK_TEMPLATE },
    { 63031, MESSAGE, "Sender and recipient are the same.", "Choose another recipient." },
    { 63032, RECIPIENT, "WhatsApp withholds messages to this person (an experiment of Meta's).", "Reach them another way." },
    { 63033, OPT_OUT, "The recipient does not want marketing messages on WhatsApp.", "Only answers and service messages may be sent." },
    { 63034, MESSAGE, "The attachment is too large for WhatsApp.", CHECK_MEDIA },
    { 63036, RETRY, "WhatsApp could not deliver it right now.", TRY_LATER },
    { 63038, THROTTLE, "The account's daily limit of messages was reached.", TRY_TOMORROW },
    { 63040, CONFIG, "WhatsApp has rejected the template.", CHECK_TEMPLATE },
    { 63041, CONFIG, "WhatsApp has paused the template.", CHECK_TEMPLATE },
    { 63042, CONFIG, "WhatsApp has disabled the template.", CHECK_TEMPLATE },
    { 63049, WINDOW, "WhatsApp withheld this marketing message.", "Wait at least a day before writing to this person again." },
    { 63051, CONFIG, "Our WhatsApp business account is locked.", ASK_ADMIN },
};

#define COUNT ((int)(sizeof(table) / sizeof(table[0])))

static const twc_error_info_t unknown_throttle = {
    0, THROTTLE, "Too many requests to Twilio at once.", WAIT_RETRIED };
static const twc_error_info_t unknown_credentials = {
    0, CONFIG, "Twilio does not accept our credentials.", "Check the account SID and auth token in the configuration." };
static const twc_error_info_t unknown_server = {
    0, AMBIGUOUS, "Twilio had an internal error.", "We look whether it was sent before trying again." };
static const twc_error_info_t unknown = {
    0, MESSAGE, "Twilio refused the message.", "Look the error number up in Twilio's documentation." };

static int compare(const void *key, const void *row)
{
    return *(const int *)key - ((const twc_error_info_t *)row)->code;
}

const twc_error_info_t *twc_error_info(int code, int http_status)
{
    const twc_error_info_t *row = code ? bsearch(&code, table, COUNT, sizeof(table[0]), compare) : NULL;

    if (row)
        return row;
    if (http_status == 429)
        return &unknown_throttle;
    if (http_status == 401 || http_status == 403)
        return &unknown_credentials;
    return http_status >= 500 ? &unknown_server : &unknown;
}

const char *twc_error_class_name(twc_error_class_e klass)
{
    static const char *const names[] = {
        [CONFIG] = "config", [RECIPIENT] = "recipient", [MESSAGE] = "message", [FILTERED] = "filtered",
        [OPT_OUT] = "opt-out", [WINDOW] = "window", [THROTTLE] = "throttle", [RETRY] = "retry", [AMBIGUOUS] = "ambiguous",
    };

    return names[klass];
}

const twc_error_info_t *twc_error_table(int *count)
{
    *count = COUNT;
    return table;
}
