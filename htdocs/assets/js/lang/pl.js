/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * pl.js - Polish. Twilio's error numbers people meet most have their words here; en.js needs none,
 * because the server's own sentences are English.
 */
export default {
  'nav.label': 'Strony', 'nav.skip': 'Przejdź do treści', 'nav.dashboard': 'Panel', 'nav.inbox': 'Rozmowy', 'nav.settings': 'Ustawienia',
  'nav.unread': { one: '{n} nieprzeczytana wiadomość', few: '{n} nieprzeczytane wiadomości', many: '{n} nieprzeczytanych wiadomości', other: '{n} nieprzeczytanej wiadomości' },
  'channel.unknown': 'Nieznany kanał', 'direction.inbound': 'Odebrana', 'direction.outbound': 'Wysłana',

  'time.today': 'Dzisiaj', 'time.yesterday': 'wczoraj', 'time.yesterday_capital': 'Wczoraj', 'time.tomorrow_capital': 'Jutro',

  'action.close': 'Zamknij', 'action.keep': 'Zostaw', 'action.remove': 'Usuń', 'action.save': 'Zapisz', 'action.undo': 'Cofnij zmiany', 'action.retry': 'Wyślij ponownie',
  'action.retry_now': 'Połącz teraz', 'action.try_again': 'Spróbuj ponownie', 'action.discard': 'Popraw', 'action.sign_in': 'Zaloguj się', 'action.cancel_send': 'Nie wysyłaj',
  'action.copy_text': 'Kopiuj tekst', 'action.copy_number': 'Kopiuj numer', 'action.edit_again': 'Popraw',

  'live.connecting': 'Łączenie', 'live.connecting.tip': 'Łączenie z serwerem', 'live.live': 'Na żywo', 'live.live.tip': 'Nowe wiadomości pojawiają się same',
  'live.polling': 'Na żywo', 'live.polling.tip': 'Nowe wiadomości pojawiają się po kilku sekundach (przez odpytywanie)',
  'live.retrying': 'Ponowne łączenie', 'live.retrying.tip': 'Utracono połączenie, ponawianie trwa samo', 'live.retrying.banner': 'Utracono połączenie, ponowna próba za {n} s',
  'live.offline': 'Offline', 'live.offline.tip': 'To urządzenie nie ma sieci', 'live.offline.banner': 'Jesteś offline. Możesz pisać dalej; wiadomości wyjdą, gdy wróci sieć.',
  'live.denied': 'Wylogowano', 'live.denied.tip': 'Serwer prosi o ponowne zalogowanie', 'live.denied.banner': 'Twoje logowanie straciło ważność.',

  'status.accepted': 'Przyjęta', 'status.scheduled': 'Zaplanowana', 'status.scheduled_for': 'Zaplanowana: {time}', 'status.queued': 'Czeka', 'status.sending': 'Wysyłanie',
  'status.sent': 'Wysłana', 'status.partially_delivered': 'Częściowo dostarczona', 'status.delivered': 'Dostarczona', 'status.read': 'Przeczytana', 'status.failed': 'Błąd',
  'status.undelivered': 'Niedostarczona', 'status.canceled': 'Anulowana', 'status.received': 'Odebrana', 'status.receiving': 'Odbieranie', 'status.waiting': 'Czeka',

  'stats.today': 'Dzisiaj', 'stats.unread': 'Nieprzeczytane', 'stats.queued': 'W kolejce', 'stats.failed': 'Błędy', 'stats.conversations': 'Rozmowy', 'stats.opted_out': 'Wypisani',
  'stats.total_note': 'razem {total}', 'stats.split_note': '{in} odebr. · {out} wysł.', 'stats.unread_note': 'do odpowiedzi', 'stats.unread_none': 'wszystko przeczytane',
  'stuck.title': 'Wiadomości, które utknęły: {n}', 'stuck.unknown': 'Nie wiadomo, czy Twilio ją przyjęło, i nie da się tego sprawdzić.', 'stuck.sender': 'Jej nadawca pauzuje.',
  'stuck.waiting': 'Z tego numeru nic nie wychodzi albo Twilio wciąż odmawia.', 'stuck.twilio': 'Twilio przyjęło ją dawno temu i nie dokończyło wysyłki.',
  'stats.queued_note': 'wysyłane po kolei', 'stats.queued_none': 'nic nie czeka', 'stats.failed_note': 'każda z powodem', 'stats.failed_none': 'brak', 'stats.opted_out_note': 'napisali STOP',

  'search.placeholder': 'Szukaj: nazwa, numer, treść', 'search.label': 'Szukaj rozmów',

  'entries.title': 'Ostatnie wiadomości', 'entries.filter': 'Pokaż wiadomości', 'entries.filter.all': 'Wszystkie', 'entries.filter.inbound': 'Odebrane', 'entries.filter.outbound': 'Wysłane',
  'entries.contact': 'Kontakt', 'entries.text': 'Wiadomość', 'entries.status': 'Status', 'entries.time': 'Czas',
  'entries.empty.all': 'Nie ma jeszcze wiadomości', 'entries.empty.all.how': 'Tu pojawi się każda wiadomość przychodząca i wychodząca. Napisz na swój numer Twilio albo wyślij coś z formularza.',
  'entries.empty.inbound': 'Nic jeszcze nie odebrano', 'entries.empty.inbound.how': 'Ustaw webhook numeru na ten serwer i napisz na numer; wiadomość pojawi się od razu.',
  'entries.empty.outbound': 'Nic jeszcze nie wysłano', 'entries.empty.outbound.how': 'Tu pojawią się wiadomości z formularza, z API i odpowiedzi automatyczne.',

  'send.title': 'Wyślij wiadomość', 'send.to': 'Do', 'send.channel': 'Kanał', 'send.to_missing': 'Wpisz numer odbiorcy.', 'send.to_wrong': 'To nie jest pełny numer. Podaj go z kodem kraju, np. +48 123 123 123.',
  'send.sending': 'Wysyłanie do {to} …', 'send.waiting': 'Czeka na połączenie; wyjdzie do {to} samo.', 'send.sent': 'Przekazano do wysłania: {to}.', 'send.scheduled': 'Zaplanowano do {to}: {time}.',
  'send.failed': 'Nie wysłano do {to}.', 'send.open': 'Otwórz rozmowę',

  'composer.placeholder': 'Napisz wiadomość', 'composer.label': 'Wiadomość', 'composer.send': 'Wyślij', 'composer.hint': 'Enter wysyła, Shift+Enter to nowy wiersz', 'composer.hint_form': 'Ctrl+Enter wysyła',
  'composer.hint_touch': '',

  'segments.parts': { one: '{n} część', few: '{n} części', many: '{n} części', other: '{n} części' },
  'segments.room': { one: 'Jeszcze {n} znak do kolejnej części', few: 'Jeszcze {n} znaki do kolejnej części', many: 'Jeszcze {n} znaków do kolejnej części', other: 'Jeszcze {n} znaku do kolejnej części' },
  'segments.why': 'Długi tekst idzie w kilku częściach; każda jest płatna',
  'segments.over': { one: 'O {n} znak za dużo; limit to {max}', few: 'O {n} znaki za dużo; limit to {max}', many: 'O {n} znaków za dużo; limit to {max}', other: 'O {n} znaku za dużo; limit to {max}' },
  'segments.GSM-7': 'Alfabet SMS: 160 znaków w jednej części', 'segments.UCS-2': 'Znaki spoza alfabetu SMS: 70 w jednej części', 'segments.costly': '{chars} – przez to dłuższa',

  'schedule.title': 'Wyślij później', 'schedule.hour': 'Za godzinę', 'schedule.evening': 'Dziś wieczorem', 'schedule.tomorrow': 'Jutro rano', 'schedule.monday': 'W poniedziałek rano', 'schedule.own': 'Inny termin',
  'schedule.zone': 'Czas w Twojej strefie, {zone}.', 'schedule.set': 'Ustaw termin', 'schedule.past': 'Wybierz termin w przyszłości.', 'schedule.chip': 'Wyjdzie: {time}',

  'attach.title': 'Dołącz plik przez link', 'attach.label': 'Adres zdjęcia lub pliku', 'attach.hint': 'Pobiera go Twilio, więc musi być dostępny dla każdego. Najlepiej zdjęcia, do 5 MB.',
  'attach.wrong': 'To nie jest adres internetowy. Zaczyna się od https://.', 'attach.add': 'Dołącz',

  'auto.title': 'Odpowiedź automatyczna', 'auto.enable': 'Odpowiadaj na każdą wiadomość', 'auto.text': 'Treść odpowiedzi', 'auto.placeholder': 'Dziękujemy za wiadomość. Odpowiemy wkrótce.',
  'auto.is_on': 'Każdy, kto napisze, dostaje ten tekst, najwyżej 10 razy w 10 minut.', 'auto.is_off': 'Wyłączona. Na wiadomości odpowiada bot albo Ty.', 'auto.empty': 'Najpierw wpisz tekst; pustej odpowiedzi nie da się wysłać.',
  'auto.too_long': 'Tekst może mieć najwyżej {max} znaków.', 'auto.saved_on': 'Zapisano. Odpowiedź automatyczna jest włączona.', 'auto.saved_off': 'Zapisano. Odpowiedź automatyczna jest wyłączona.',
  'auto.not_saved': 'Nie zapisano: {reason} Twój tekst został.',

  'threads.label': 'Rozmowy', 'threads.draft': 'Szkic:', 'threads.empty': 'Nie ma jeszcze rozmów', 'threads.empty.action': 'Napisz wiadomość', 'threads.empty.how': 'Tu będzie każdy, kto do Ciebie napisze, i każdy, do kogo napiszesz.',
  'threads.none': 'Nic nie znaleziono', 'threads.none.how': 'Żadna rozmowa nie pasuje do „{text}”.',

  'newchat.title': 'Nowa rozmowa', 'newchat.open': 'Otwórz', 'newchat.write': 'Napisz do {peer}',
  'thread.choose': 'Wybierz rozmowę', 'thread.choose.how': 'Kliknij jedną po lewej albo użyj klawiszy j i k, a potem Enter.', 'thread.back': 'Wróć do rozmów',
  'stream.label': 'Wiadomości', 'stream.new': { one: '{n} nowa', few: '{n} nowe', many: '{n} nowych', other: '{n} nowej' },
  'stream.unread': { one: '{n} nieprzeczytana wiadomość', few: '{n} nieprzeczytane wiadomości', many: '{n} nieprzeczytanych wiadomości', other: '{n} nieprzeczytanej wiadomości' },
  'stream.start': 'Początek rozmowy z {peer}', 'stream.empty': 'Nie ma jeszcze wiadomości', 'stream.empty.how': 'To, co napiszesz poniżej, będzie pierwszą wiadomością do {peer}.',

  'bubble.them': 'Rozmówca', 'bubble.us': 'Ty', 'bubble.menu': 'Działania na wiadomości', 'bubble.label_in': 'Odebrana {time}', 'bubble.label_out': 'Wysłana {time}, {status}', 'bubble.scheduled': 'Wyjdzie: {time}',
  'pending.waiting': 'Jeszcze nie wysłana; ponawia się sama', 'pending.sending': 'Wysyłanie', 'pending.failed': 'Nie wysłano', 'pending.kept': 'Twój tekst został zachowany.',
  'source.auto-reply': 'Odpowiedź automatyczna', 'source.bot': 'Bot', 'source.keyword': 'Odpowiedź na hasło', 'source.api': 'Przez API', 'source.cli': 'Wiersz poleceń', 'source.page': 'Napisana tutaj', 'source.twilio': 'Twilio',
  'failure.unknown': 'Wiadomości nie udało się dostarczyć.',

  'media.image': 'Zdjęcie', 'media.audio': 'Nagranie', 'media.video': 'Film', 'media.file': 'Plik', 'media.count': { one: '{n} plik', few: '{n} pliki', many: '{n} plików', other: '{n} pliku' }, 'media.location': 'Lokalizacja',
  'media.nothing': 'Bez tekstu', 'media.attachment': 'Załącznik', 'media.pending': 'Trwa pobieranie …', 'media.refused': 'Plik odrzucony: niedozwolony typ lub rozmiar', 'media.failed': 'Nie udało się pobrać pliku', 'media.chose': 'Wybór: „{choice}”',

  'optout.tip': 'Wypisany', 'optout.title': 'Ta osoba napisała STOP.', 'optout.text': 'Nic nie można do niej wysłać, dopóki nie napisze START. To, co wpisano, zostało zachowane.',
  'guard.tip': 'Odpowiedzi automatyczne wstrzymane', 'guard.title': 'Odpowiedzi automatyczne wstrzymano.', 'guard.text': 'W krótkim czasie wysłano ich na ten numer zbyt wiele; być może odpowiada inny automat.',
  'guard.lift': 'Odpowiadaj znów automatycznie', 'guard.lifted': 'Odpowiedzi automatyczne dla tego numeru znów działają.',
  'window.title': 'Od ostatniej wiadomości minęły ponad 24 godziny.', 'window.text': 'WhatsApp dostarcza zwykły tekst tylko przez dobę; potem potrzebny jest zatwierdzony szablon.',

  'details.title': 'Szczegóły', 'details.status': 'Status', 'details.from': 'Od', 'details.to': 'Do', 'details.source': 'Pochodzenie', 'details.created': 'Utworzona', 'details.updated': 'Ostatnia zmiana',
  'details.send_at': 'Do wysłania', 'details.error_code': 'Błąd Twilio', 'details.sid': 'SID Twilio', 'details.id': 'Nasz numer',
  'redact.title': 'Wymazać ten tekst?', 'redact.text': 'Tekst zostanie wymazany tutaj i w Twilio. Ślad, że wiadomość wysłano, zostaje. Tego nie da się cofnąć.', 'redact.yes': 'Wymaż tekst', 'redact.done': 'Tekst wymazano tutaj i w Twilio',
  'delete.title': 'Usunąć tę wiadomość?', 'delete.text': 'Wiadomość zostanie usunięta tutaj i w Twilio. W telefonie rozmówcy pozostanie. Tego nie da się cofnąć.', 'delete.yes': 'Usuń wiadomość', 'delete.done': 'Wiadomość usunięto tutaj i w Twilio',
  'toast.copied': 'Skopiowano', 'toast.not_copied': 'Kopiowanie jest tu niedozwolone', 'toast.canceled': 'Cofnięto; nie zostanie wysłana',

  'problem.title': 'Nie udało się wczytać', 'problem.network': 'Serwer nie odpowiedział. Sprawdź połączenie i spróbuj ponownie.', 'problem.server': 'Coś poszło nie tak na serwerze. Szczegóły są w jego dzienniku.',
  'problem.busy': 'Serwer jest zajęty. Spróbuj za chwilę.', 'problem.denied': 'Nie jesteś zalogowany albo nie masz do tego prawa. Odśwież stronę, aby się zalogować.',
  'problem.stale': 'Ta wiadomość czekała ponad dobę bez połączenia. Sprawdź, czy jest jeszcze potrzebna.', 'problem.timeout': 'Serwer odpowiadał zbyt długo. Spróbuj za chwilę.',
  'problem.to_missing': 'Wpisz numer odbiorcy.', 'problem.to_invalid': 'Na ten numer nie można wysłać wiadomości.', 'problem.content_missing': 'Napisz tekst albo dołącz plik.', 'problem.media_invalid': 'Jeden z dołączonych linków jest nieprawidłowy.',
  'problem.send_at_invalid': 'Tego terminu nie można użyć; wybierz przyszły.', 'problem.opted_out': 'Odbiorca się wypisał (STOP).', 'problem.not_configured': 'Na tym serwerze nie ustawiono jeszcze konta lub nadawcy Twilio.',

  'account.menu': 'Konto i wygląd', 'account.signed_in': 'Zalogowano: {user}', 'account.signed_in_key': 'Zalogowano', 'account.default_from': 'Nadawca SMS', 'account.whatsapp_from': 'Nadawca {channel}',
  'account.messaging_service': 'Messaging Service', 'account.chat_mode': 'Bot', 'account.user': 'Ty', 'account.tenant': 'Host', 'account.version': 'Wersja', 'account.not_set': 'nie ustawiono',
  'mode.echo': 'Powtarza, co napisano', 'mode.keywords': 'Odpowiada na hasła', 'mode.off': 'Wyłączony', 'mode.undefined': '', 'theme.system': 'Jak w systemie', 'theme.light': 'Jasny', 'theme.dark': 'Ciemny',
  'settings.auto': 'Co dostaje od razu każdy, kto napisze. Gdy jest wyłączona, odpowiada bot.', 'settings.look': 'Wygląd', 'settings.look.text': 'Jak te strony wyglądają w tej przeglądarce.', 'settings.theme': 'Motyw', 'settings.language': 'Język',
  'settings.account': 'Konto', 'settings.account.text': 'Ustawione w konfiguracji serwera; tutaj do wglądu.', 'settings.keys': 'Działają wszędzie tam, gdzie nie piszesz.',
  'keys.title': 'Skróty klawiszowe', 'keys.go': 'Idź do: {page}', 'keys.search': 'Szukaj', 'keys.help': 'Pokaż wszystkie skróty', 'keys.next': 'Następny wiersz', 'keys.previous': 'Poprzedni wiersz', 'keys.open': 'Otwórz', 'keys.reply': 'Odpowiedz', 'keys.back': 'Wstecz',
};
