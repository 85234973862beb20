/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * en.js - English. Every text is in every language; tests/guards/pages.sh counts them.
 */
export default {
  'nav.label': 'Pages', 'nav.skip': 'Skip to the content', 'nav.dashboard': 'Dashboard', 'nav.inbox': 'Inbox', 'nav.settings': 'Settings',
  'nav.unread': { one: '{n} unread message', other: '{n} unread messages' },
  'channel.unknown': 'Unknown channel', 'direction.inbound': 'Received', 'direction.outbound': 'Sent',

  'time.today': 'Today', 'time.yesterday': 'yesterday', 'time.yesterday_capital': 'Yesterday', 'time.tomorrow_capital': 'Tomorrow',

  'action.close': 'Close', 'action.keep': 'Keep it', 'action.remove': 'Remove', 'action.save': 'Save', 'action.undo': 'Undo changes', 'action.retry': 'Send again',
  'action.retry_now': 'Retry now', 'action.try_again': 'Try again', 'action.discard': 'Edit', 'action.sign_in': 'Sign in', 'action.cancel_send': 'Don’t send',
  'action.copy_text': 'Copy text', 'action.copy_number': 'Copy number', 'action.edit_again': 'Edit it',

  'live.connecting': 'Connecting', 'live.connecting.tip': 'Connecting to the server',
  'live.live': 'Live', 'live.live.tip': 'New messages appear by themselves', 'live.polling': 'Live', 'live.polling.tip': 'New messages appear within seconds (by asking regularly)',
  'live.retrying': 'Reconnecting', 'live.retrying.tip': 'Connection lost, trying again by itself', 'live.retrying.banner': 'Connection lost, retrying in {n} s',
  'live.offline': 'Offline', 'live.offline.tip': 'This device has no network',
  'live.offline.banner': 'You are offline. You can go on writing; messages are sent when the network is back.',
  'live.denied': 'Signed out', 'live.denied.tip': 'The server wants you to sign in again', 'live.denied.banner': 'Your sign-in is no longer accepted.',

  'status.accepted': 'Accepted', 'status.scheduled': 'Scheduled', 'status.scheduled_for': 'Scheduled for {time}', 'status.queued': 'Waiting', 'status.sending': 'Sending',
  'status.sent': 'Sent', 'status.partially_delivered': 'Partly delivered', 'status.delivered': 'Delivered', 'status.read': 'Read', 'status.failed': 'Failed',
  'status.undelivered': 'Not delivered', 'status.canceled': 'Canceled', 'status.received': 'Received', 'status.receiving': 'Receiving', 'status.waiting': 'Waiting',

  'stats.today': 'Today', 'stats.unread': 'Unread', 'stats.queued': 'Waiting', 'stats.failed': 'Failed', 'stats.conversations': 'Conversations', 'stats.opted_out': 'Opted out',
  'stats.total_note': '{total} in all', 'stats.split_note': '{in} in · {out} out', 'stats.unread_note': 'to be answered', 'stats.unread_none': 'all read',
  'stuck.title': 'Stuck messages: {n}', 'stuck.unknown': 'Nobody knows whether Twilio took it, and it cannot be looked up.', 'stuck.sender': 'Its sender rests.',
  'stuck.waiting': 'Nothing is being sent from its sender, or Twilio refused again and again.', 'stuck.twilio': 'Twilio took it long ago and has not finished with it.',
  'stats.queued_note': 'sent in turn', 'stats.queued_none': 'nothing waits', 'stats.failed_note': 'each with its reason', 'stats.failed_none': 'none', 'stats.opted_out_note': 'wrote STOP',

  'search.placeholder': 'Search name, number, text', 'search.label': 'Search conversations',

  'entries.title': 'Last messages', 'entries.filter': 'Show messages', 'entries.filter.all': 'All', 'entries.filter.inbound': 'Received', 'entries.filter.outbound': 'Sent',
  'entries.contact': 'Contact', 'entries.text': 'Message', 'entries.status': 'Status', 'entries.time': 'Time',
  'entries.empty.all': 'No messages yet', 'entries.empty.all.how': 'Every message in and out will appear here. Text your Twilio number, or send one with the form.',
  'entries.empty.inbound': 'Nothing received yet', 'entries.empty.inbound.how': 'Point your number’s webhook at this server and text it; the message appears here at once.',
  'entries.empty.outbound': 'Nothing sent yet', 'entries.empty.outbound.how': 'Messages from the form, the API and automatic replies will appear here.',

  'send.title': 'Send a message', 'send.to': 'To', 'send.channel': 'Channel', 'send.to_missing': 'Enter the number it goes to.',
  'send.to_wrong': 'This is no complete number. Write it with its country code, like +48 123 123 123.',
  'send.sending': 'Sending to {to} …', 'send.waiting': 'Waiting for the connection; will be sent to {to} by itself.', 'send.sent': 'Handed over for {to}.',
  'send.scheduled': 'Scheduled for {to}: {time}.', 'send.failed': 'Not sent to {to}.', 'send.open': 'Open conversation',

  'composer.placeholder': 'Write a message', 'composer.label': 'Message', 'composer.send': 'Send', 'composer.hint': 'Enter sends, Shift+Enter starts a line', 'composer.hint_form': 'Ctrl+Enter sends',
  'composer.hint_touch': '',

  'segments.parts': { one: '{n} part', other: '{n} parts' }, 'segments.room': { one: '{n} character left before it takes another part', other: '{n} characters left before it takes another part' },
  'segments.why': 'Long texts travel in several parts; each is billed', 'segments.over': { one: '{n} character too many; {max} is the limit', other: '{n} characters too many; {max} is the limit' },
  'segments.GSM-7': 'The SMS alphabet: 160 characters in one part', 'segments.UCS-2': 'Characters outside the SMS alphabet: 70 in one part', 'segments.costly': '{chars} make it longer',

  'schedule.title': 'Send later', 'schedule.hour': 'In an hour', 'schedule.evening': 'This evening', 'schedule.tomorrow': 'Tomorrow morning', 'schedule.monday': 'Monday morning',
  'schedule.own': 'Another time', 'schedule.zone': 'Times are in your zone, {zone}.', 'schedule.set': 'Set time', 'schedule.past': 'Choose a time that is still to come.', 'schedule.chip': 'Goes out: {time}',

  'attach.title': 'Attach a file by its link', 'attach.label': 'Address of a picture or file', 'attach.hint': 'Twilio fetches it, so everybody must be able to open it. Pictures work best, up to 5 MB.',
  'attach.wrong': 'This is no web address. It begins with https://.', 'attach.add': 'Attach',

  'auto.title': 'Automatic reply', 'auto.enable': 'Answer every message', 'auto.text': 'Text of the reply', 'auto.placeholder': 'Thank you for your message. We will answer soon.',
  'auto.is_on': 'Everybody who writes gets this text, at most 10 times in 10 minutes.', 'auto.is_off': 'Off. Messages are answered by the bot, or by you.',
  'auto.empty': 'Write a text first; an empty reply cannot be sent.', 'auto.too_long': 'The text may have {max} characters at most.',
  'auto.saved_on': 'Saved. The automatic reply is on.', 'auto.saved_off': 'Saved. The automatic reply is off.', 'auto.not_saved': 'Not saved: {reason} Your text is still here.',

  'threads.label': 'Conversations', 'threads.draft': 'Draft:', 'threads.empty': 'No conversations yet', 'threads.empty.action': 'Write a message',
  'threads.empty.how': 'Everybody who writes to you, and everybody you write to, will be listed here.', 'threads.none': 'Nothing found', 'threads.none.how': 'No conversation matches “{text}”.',

  'newchat.title': 'New conversation', 'newchat.open': 'Open', 'newchat.write': 'Write to {peer}',
  'thread.choose': 'Choose a conversation', 'thread.choose.how': 'Pick one on the left, or press j and k to move and Enter to open.', 'thread.back': 'Back to the inbox',
  'stream.label': 'Messages', 'stream.new': { one: '{n} new', other: '{n} new' }, 'stream.unread': { one: '{n} unread message', other: '{n} unread messages' },
  'stream.start': 'Beginning of the conversation with {peer}', 'stream.empty': 'No messages yet', 'stream.empty.how': 'What you write below goes to {peer} as the first message.',

  'bubble.them': 'They', 'bubble.us': 'You', 'bubble.menu': 'Message actions', 'bubble.label_in': 'Received {time}', 'bubble.label_out': 'Sent {time}, {status}', 'bubble.scheduled': 'Goes out: {time}',
  'pending.waiting': 'Not sent yet; trying again by itself', 'pending.sending': 'Sending', 'pending.failed': 'Not sent', 'pending.kept': 'Your text is kept.',
  'source.auto-reply': 'Automatic reply', 'source.bot': 'Bot', 'source.keyword': 'Keyword answer', 'source.api': 'Through the API', 'source.cli': 'Command line', 'source.page': 'Written here', 'source.twilio': 'Twilio',
  'failure.unknown': 'The message could not be delivered.',

  'media.image': 'Photo', 'media.audio': 'Voice message', 'media.video': 'Video', 'media.file': 'File', 'media.count': { one: '{n} file', other: '{n} files' }, 'media.location': 'Location',
  'media.nothing': 'No text', 'media.attachment': 'Attachment', 'media.pending': 'Being fetched …', 'media.refused': 'File refused: type or size is not allowed', 'media.failed': 'File could not be fetched', 'media.chose': 'Chose “{choice}”',

  'optout.tip': 'Opted out', 'optout.title': 'This person wrote STOP.', 'optout.text': 'Nothing can be sent to them until they write START. What you had typed is kept.',
  'guard.tip': 'Automatic replies stopped', 'guard.title': 'Automatic replies are paused.', 'guard.text': 'Too many were sent to this number within a short time; another machine may be answering.',
  'guard.lift': 'Reply automatically again', 'guard.lifted': 'Automatic replies are on again for this number.',
  'window.title': 'More than 24 hours since their last message.', 'window.text': 'WhatsApp delivers free text only within a day of it; otherwise an approved template is needed.',

  'details.title': 'Details', 'details.status': 'Status', 'details.from': 'From', 'details.to': 'To', 'details.source': 'Origin', 'details.created': 'Created', 'details.updated': 'Last change',
  'details.send_at': 'To be sent', 'details.error_code': 'Twilio error', 'details.sid': 'Twilio SID', 'details.id': 'Our number',
  'redact.title': 'Erase this text?', 'redact.text': 'The text is erased here and at Twilio. That it was sent stays on record. This cannot be undone.', 'redact.yes': 'Erase text', 'redact.done': 'Text erased here and at Twilio',
  'delete.title': 'Delete this message?', 'delete.text': 'The message is deleted here and at Twilio. It stays on the other person’s phone. This cannot be undone.', 'delete.yes': 'Delete message', 'delete.done': 'Message deleted here and at Twilio',
  'toast.copied': 'Copied', 'toast.not_copied': 'Copying is not allowed here', 'toast.canceled': 'Taken back; it will not be sent',

  'problem.title': 'This could not be loaded', 'problem.network': 'The server did not answer. Check the connection and try again.', 'problem.server': 'Something went wrong on the server. It is written in its log.',
  'problem.busy': 'The server is busy. Try again in a moment.', 'problem.denied': 'You are not signed in, or not allowed to do this. Reload the page to sign in.',
  'problem.stale': 'This message waited over a day without a connection. Check whether it is still wanted.', 'problem.timeout': 'The server took too long to answer. Try again in a moment.',
  'problem.to_missing': 'Enter the number it goes to.', 'problem.to_invalid': 'This is no number a message can be sent to.', 'problem.content_missing': 'Write a text or attach a file.',
  'problem.media_invalid': 'One of the attached links cannot be used.', 'problem.send_at_invalid': 'This time cannot be used; choose one that is still to come.',
  'problem.opted_out': 'The recipient has opted out (STOP).', 'problem.not_configured': 'No Twilio account or sender is configured on this server yet.',

  'account.menu': 'Account and display', 'account.signed_in': 'Signed in as {user}', 'account.signed_in_key': 'Signed in', 'account.default_from': 'SMS sender', 'account.whatsapp_from': '{channel} sender',
  'account.messaging_service': 'Messaging service', 'account.chat_mode': 'Bot', 'account.user': 'You', 'account.tenant': 'Host', 'account.version': 'Version', 'account.not_set': 'not set',
  'mode.echo': 'Repeats what was written', 'mode.keywords': 'Answers keywords', 'mode.off': 'Off', 'mode.undefined': '',
  'theme.system': 'As the system', 'theme.light': 'Light', 'theme.dark': 'Dark',
  'settings.auto': 'What people get at once when they write to you. If it is off, the bot answers.', 'settings.look': 'Display', 'settings.look.text': 'How these pages look in this browser.',
  'settings.theme': 'Theme', 'settings.language': 'Language', 'settings.account': 'Account', 'settings.account.text': 'Set in the server’s configuration; shown here to be looked up.', 'settings.keys': 'They work wherever you are not typing.',

  'keys.title': 'Keyboard shortcuts', 'keys.go': 'Go to {page}', 'keys.search': 'Search', 'keys.help': 'Show all shortcuts', 'keys.next': 'Next row', 'keys.previous': 'Previous row', 'keys.open': 'Open',
  'keys.reply': 'Reply', 'keys.back': 'Back',
};
