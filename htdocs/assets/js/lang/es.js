/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * es.js - Spanish, as written in Latin America.
 */
export default {
  'nav.label': 'Páginas', 'nav.skip': 'Ir al contenido', 'nav.dashboard': 'Panel', 'nav.inbox': 'Bandeja', 'nav.settings': 'Ajustes',
  'nav.unread': { one: '{n} mensaje sin leer', other: '{n} mensajes sin leer' },
  'channel.unknown': 'Canal desconocido', 'direction.inbound': 'Recibido', 'direction.outbound': 'Enviado',

  'time.today': 'Hoy', 'time.yesterday': 'Ayer', 'time.yesterday_capital': 'Ayer', 'time.tomorrow_capital': 'Mañana',

  'action.close': 'Cerrar', 'action.keep': 'Conservar', 'action.remove': 'Quitar', 'action.save': 'Guardar', 'action.undo': 'Deshacer cambios', 'action.retry': 'Enviar de nuevo', 'action.retry_now': 'Reintentar ya',
  'action.try_again': 'Reintentar', 'action.discard': 'Editar', 'action.sign_in': 'Iniciar sesión', 'action.cancel_send': 'No enviar', 'action.copy_text': 'Copiar texto', 'action.copy_number': 'Copiar número', 'action.edit_again': 'Editarlo',

  'live.connecting': 'Conectando', 'live.connecting.tip': 'Conectando con el servidor', 'live.live': 'En vivo', 'live.live.tip': 'Los mensajes nuevos aparecen solos', 'live.polling': 'En vivo',
  'live.polling.tip': 'Los mensajes nuevos aparecen en segundos (consultando con regularidad)', 'live.retrying': 'Reconectando', 'live.retrying.tip': 'Conexión perdida, se reintenta sola',
  'live.retrying.banner': 'Conexión perdida, reintento en {n} s', 'live.offline': 'Sin conexión', 'live.offline.tip': 'Este dispositivo no tiene red',
  'live.offline.banner': 'No hay conexión. Puede seguir escribiendo; los mensajes saldrán cuando vuelva la red.', 'live.denied': 'Sesión cerrada', 'live.denied.tip': 'El servidor pide iniciar sesión de nuevo', 'live.denied.banner': 'Su sesión ya no es válida.',

  'status.accepted': 'Aceptado', 'status.scheduled': 'Programado', 'status.scheduled_for': 'Programado para {time}', 'status.queued': 'En espera', 'status.sending': 'Enviando', 'status.sent': 'Enviado',
  'status.partially_delivered': 'Entregado en parte', 'status.delivered': 'Entregado', 'status.read': 'Leído', 'status.failed': 'Fallido', 'status.undelivered': 'No entregado', 'status.canceled': 'Cancelado', 'status.received': 'Recibido', 'status.receiving': 'Recibiendo', 'status.waiting': 'En espera',

  'stats.today': 'Hoy', 'stats.unread': 'Sin leer', 'stats.queued': 'En espera', 'stats.failed': 'Fallidos', 'stats.conversations': 'Conversaciones', 'stats.opted_out': 'Bajas',
  'stuck.title': 'Mensajes atascados: {n}', 'stuck.unknown': 'No se sabe si Twilio lo aceptó y no se puede comprobar.', 'stuck.sender': 'Su remitente está en pausa.',
  'stuck.waiting': 'No sale nada de su remitente, o Twilio lo rechaza una y otra vez.', 'stuck.twilio': 'Twilio lo aceptó hace tiempo y no lo ha terminado.',
  'stats.total_note': '{total} en total', 'stats.split_note': '{in} recib. · {out} env.', 'stats.unread_note': 'por responder', 'stats.unread_none': 'todo leído', 'stats.queued_note': 'salen por turno', 'stats.queued_none': 'nada en espera',
  'stats.failed_note': 'cada uno con su motivo', 'stats.failed_none': 'ninguno', 'stats.opted_out_note': 'escribieron STOP',

  'search.placeholder': 'Buscar nombre, número, texto', 'search.label': 'Buscar conversaciones',

  'entries.title': 'Últimos mensajes', 'entries.filter': 'Mostrar mensajes', 'entries.filter.all': 'Todos', 'entries.filter.inbound': 'Recibidos', 'entries.filter.outbound': 'Enviados',
  'entries.contact': 'Contacto', 'entries.text': 'Mensaje', 'entries.status': 'Estado', 'entries.time': 'Hora',
  'entries.empty.all': 'Aún no hay mensajes', 'entries.empty.all.how': 'Aquí aparecerá todo mensaje que entre o salga. Escriba a su número de Twilio o envíe uno con el formulario.',
  'entries.empty.inbound': 'Aún no se ha recibido nada', 'entries.empty.inbound.how': 'Apunte el webhook de su número a este servidor y escríbale; el mensaje aparecerá al instante.',
  'entries.empty.outbound': 'Aún no se ha enviado nada', 'entries.empty.outbound.how': 'Aquí aparecerán los mensajes del formulario, de la API y las respuestas automáticas.',

  'send.title': 'Enviar un mensaje', 'send.to': 'Para', 'send.channel': 'Canal', 'send.to_missing': 'Escriba el número de destino.', 'send.to_wrong': 'El número no está completo. Escríbalo con el código de país, como +57 315 336 9631.',
  'send.sending': 'Enviando a {to} …', 'send.waiting': 'Esperando la conexión; se enviará solo a {to}.', 'send.sent': 'Entregado para envío a {to}.', 'send.scheduled': 'Programado para {to}: {time}.', 'send.failed': 'No se envió a {to}.', 'send.open': 'Abrir conversación',

  'composer.placeholder': 'Escriba un mensaje', 'composer.label': 'Mensaje', 'composer.send': 'Enviar', 'composer.hint': 'Enter envía, Mayús+Enter hace una línea nueva', 'composer.hint_form': 'Ctrl+Enter envía',
  'composer.hint_touch': '',

  'segments.parts': { one: '{n} parte', other: '{n} partes' }, 'segments.room': { one: 'Queda {n} carácter antes de otra parte', other: 'Quedan {n} caracteres antes de otra parte' },
  'segments.why': 'Los textos largos viajan en varias partes; cada una se cobra', 'segments.over': { one: 'Sobra {n} carácter; el límite es {max}', other: 'Sobran {n} caracteres; el límite es {max}' },
  'segments.GSM-7': 'Alfabeto SMS: 160 caracteres por parte', 'segments.UCS-2': 'Caracteres fuera del alfabeto SMS: 70 por parte', 'segments.costly': '{chars} lo alargan',

  'schedule.title': 'Enviar más tarde', 'schedule.hour': 'En una hora', 'schedule.evening': 'Esta tarde', 'schedule.tomorrow': 'Mañana por la mañana', 'schedule.monday': 'El lunes por la mañana', 'schedule.own': 'Otra hora',
  'schedule.zone': 'Horas en su zona, {zone}.', 'schedule.set': 'Fijar hora', 'schedule.past': 'Elija una hora que aún no haya pasado.', 'schedule.chip': 'Sale: {time}',

  'attach.title': 'Adjuntar un archivo por enlace', 'attach.label': 'Dirección de una foto o archivo', 'attach.hint': 'Twilio lo descarga, así que debe ser público. Mejor fotos, hasta 5 MB.', 'attach.wrong': 'No es una dirección web. Empieza por https://.', 'attach.add': 'Adjuntar',

  'auto.title': 'Respuesta automática', 'auto.enable': 'Responder a cada mensaje', 'auto.text': 'Texto de la respuesta', 'auto.placeholder': 'Gracias por su mensaje. Le responderemos pronto.',
  'auto.is_on': 'Quien escriba recibe este texto, como mucho 10 veces en 10 minutos.', 'auto.is_off': 'Desactivada. Responde el bot, o usted.', 'auto.empty': 'Escriba primero un texto; no se puede enviar una respuesta vacía.', 'auto.too_long': 'El texto puede tener {max} caracteres como máximo.',
  'auto.saved_on': 'Guardado. La respuesta automática está activa.', 'auto.saved_off': 'Guardado. La respuesta automática está desactivada.', 'auto.not_saved': 'No se guardó: {reason} Su texto sigue aquí.',

  'threads.label': 'Conversaciones', 'threads.draft': 'Borrador:', 'threads.empty': 'Aún no hay conversaciones', 'threads.empty.action': 'Escribir un mensaje', 'threads.empty.how': 'Aquí estará todo el que le escriba y todo aquel a quien escriba.',
  'threads.none': 'No se encontró nada', 'threads.none.how': 'Ninguna conversación coincide con «{text}».',

  'newchat.title': 'Nueva conversación', 'newchat.open': 'Abrir', 'newchat.write': 'Escribir a {peer}',
  'thread.choose': 'Elija una conversación', 'thread.choose.how': 'Elija una a la izquierda, o muévase con j y k y abra con Enter.', 'thread.back': 'Volver a la bandeja',
  'stream.label': 'Mensajes', 'stream.new': { one: '{n} nuevo', other: '{n} nuevos' }, 'stream.unread': { one: '{n} mensaje sin leer', other: '{n} mensajes sin leer' },
  'stream.start': 'Comienzo de la conversación con {peer}', 'stream.empty': 'Aún no hay mensajes', 'stream.empty.how': 'Lo que escriba abajo será el primer mensaje a {peer}.', 'stream.nobody': '«{text}» no es un número de teléfono', 'stream.nobody.how': 'Un número es como +34 612 345 678, con el prefijo del país. Nadie ha escrito tampoco desde esta dirección.',

  'bubble.them': 'Cliente', 'bubble.us': 'Usted', 'bubble.menu': 'Acciones del mensaje', 'bubble.label_in': 'Recibido {time}', 'bubble.label_out': 'Enviado {time}, {status}', 'bubble.scheduled': 'Sale: {time}',
  'pending.waiting': 'Aún sin enviar; se reintenta solo', 'pending.sending': 'Enviando', 'pending.failed': 'No enviado', 'pending.kept': 'Su texto se conserva.',
  'source.auto-reply': 'Respuesta automática', 'source.bot': 'Bot', 'source.keyword': 'Respuesta a palabra clave', 'source.api': 'Por la API', 'source.cli': 'Línea de comandos', 'source.page': 'Escrito aquí', 'source.twilio': 'Twilio',
  'failure.unknown': 'El mensaje no se pudo entregar.',

  'media.image': 'Foto', 'media.audio': 'Nota de voz', 'media.video': 'Video', 'media.file': 'Archivo', 'media.count': { one: '{n} archivo', other: '{n} archivos' }, 'media.location': 'Ubicación', 'media.nothing': 'Sin texto', 'media.attachment': 'Adjunto',
  'media.pending': 'Descargando …', 'media.refused': 'Archivo rechazado: tipo o tamaño no permitido', 'media.failed': 'No se pudo descargar el archivo', 'media.chose': 'Eligió «{choice}»',

  'optout.tip': 'Dado de baja', 'optout.title': 'Esta persona escribió STOP.', 'optout.text': 'No se le puede enviar nada hasta que escriba START. Lo que había escrito se conserva.',
  'guard.tip': 'Respuestas automáticas detenidas', 'guard.title': 'Las respuestas automáticas están en pausa.', 'guard.text': 'Se enviaron demasiadas a este número en poco tiempo; quizá responde otra máquina.',
  'guard.lift': 'Volver a responder automáticamente', 'guard.lifted': 'Las respuestas automáticas a este número están activas de nuevo.',
  'window.title': 'Pasaron más de 24 horas desde su último mensaje.', 'window.text': 'WhatsApp entrega texto libre solo dentro de un día; después hace falta una plantilla aprobada.',

  'details.title': 'Detalles', 'details.status': 'Estado', 'details.from': 'De', 'details.to': 'Para', 'details.source': 'Origen', 'details.created': 'Creado', 'details.updated': 'Último cambio', 'details.send_at': 'Por enviar', 'details.error_code': 'Error de Twilio', 'details.sid': 'SID de Twilio', 'details.id': 'Número nuestro',
  'redact.title': '¿Borrar este texto?', 'redact.text': 'El texto se borra aquí y en Twilio. Queda constancia de que se envió. No se puede deshacer.', 'redact.yes': 'Borrar texto', 'redact.done': 'Texto borrado aquí y en Twilio',
  'delete.title': '¿Eliminar este mensaje?', 'delete.text': 'El mensaje se elimina aquí y en Twilio. En el teléfono de la otra persona permanece. No se puede deshacer.', 'delete.yes': 'Eliminar mensaje', 'delete.done': 'Mensaje eliminado aquí y en Twilio',
  'toast.copied': 'Copiado', 'toast.not_copied': 'Aquí no se permite copiar', 'toast.canceled': 'Retirado; no se enviará',

  'problem.title': 'No se pudo cargar', 'problem.network': 'El servidor no respondió. Revise la conexión e intente de nuevo.', 'problem.server': 'Algo falló en el servidor. Está anotado en su registro.', 'problem.busy': 'El servidor está ocupado. Intente en un momento.',
  'problem.denied': 'No ha iniciado sesión o no tiene permiso. Recargue la página para iniciar sesión.', 'problem.stale': 'Este mensaje esperó más de un día sin conexión. Revise si todavía hace falta.', 'problem.timeout': 'El servidor tardó demasiado. Intente en un momento.',
  'problem.to_missing': 'Escriba el número de destino.', 'problem.to_invalid': 'A este número no se puede enviar.', 'problem.content_missing': 'Escriba un texto o adjunte un archivo.', 'problem.media_invalid': 'Uno de los enlaces adjuntos no sirve.',
  'problem.send_at_invalid': 'Esa hora no sirve; elija una que aún no haya pasado.', 'problem.opted_out': 'El destinatario se dio de baja (STOP).', 'problem.not_configured': 'Este servidor aún no tiene cuenta o remitente de Twilio.',

  'account.menu': 'Cuenta y aspecto', 'account.signed_in': 'Sesión de {user}', 'account.signed_in_key': 'Sesión iniciada', 'account.default_from': 'Remitente SMS', 'account.whatsapp_from': 'Remitente {channel}', 'account.messaging_service': 'Messaging Service',
  'account.chat_mode': 'Bot', 'account.user': 'Usted', 'account.tenant': 'Host', 'account.version': 'Versión', 'account.not_set': 'sin definir', 'mode.echo': 'Repite lo que se escribió', 'mode.keywords': 'Responde a palabras clave', 'mode.off': 'Desactivado', 'mode.undefined': '',
  'theme.system': 'Como el sistema', 'theme.light': 'Claro', 'theme.dark': 'Oscuro', 'settings.auto': 'Lo que recibe al instante quien le escribe. Si está desactivada, responde el bot.', 'settings.look': 'Aspecto', 'settings.look.text': 'Cómo se ven estas páginas en este navegador.',
  'settings.theme': 'Tema', 'settings.language': 'Idioma', 'settings.account': 'Cuenta', 'settings.account.text': 'Se define en la configuración del servidor; aquí solo se consulta.', 'settings.keys': 'Funcionan donde no se esté escribiendo.',
  'keys.title': 'Atajos de teclado', 'keys.go': 'Ir a {page}', 'keys.search': 'Buscar', 'keys.help': 'Mostrar todos los atajos', 'keys.next': 'Fila siguiente', 'keys.previous': 'Fila anterior', 'keys.open': 'Abrir', 'keys.reply': 'Responder', 'keys.back': 'Atrás',

  'nav.account': 'Tu cuenta', 'nav.users': 'Personas', 'nav.audit': 'Registro de cambios', 'action.sign_out': 'Cerrar sesión', 'signin.title': 'Iniciar sesión',
  'signin.username': 'Usuario', 'signin.password': 'Contraseña', 'signin.code': 'Código',
  'signin.code.hint': 'De tu aplicación de autenticación, o uno de tus códigos de recuperación.', 'me.about': 'Sobre ti', 'me.about.text': 'Eres {user}, {role}.',
  'me.full_name': 'Nombre', 'me.email': 'Correo', 'me.phone': 'Teléfono', 'me.phone.hint': 'Con el código de país, como +57 315 336 9631. Los mensajes desde él son tuyos.',
  'me.saved': 'Guardado', 'me.password': 'Contraseña', 'me.password.text': 'Al cambiarla se cierra tu sesión en los demás lugares.', 'me.password.current': 'Contraseña actual',
  'me.password.new': 'Contraseña nueva', 'me.password.hint': 'Al menos 8 caracteres; mejor unas palabras que unos signos.', 'me.password.change': 'Cambiar contraseña',
  'me.password.changed': 'Contraseña cambiada', 'me.none': 'Sin cuenta propia', 'me.none.text': '{user} es un programa o un invitado; quien tiene cuenta la encuentra aquí.',
  'factor.title': 'Segundo factor', 'factor.text': 'Además de la contraseña se pide un código de una aplicación de tu teléfono.', 'factor.is_on': 'Se pide un segundo factor',
  'factor.is_off': 'Desactivado: basta la contraseña', 'factor.must': 'Tu rol exige un segundo factor; sin él no puedes hacer nada más.', 'factor.set_up.title': 'Configurar un segundo factor', 'factor.set_up': 'Configurar',
  'factor.off': 'Desactivar', 'factor.password.text': 'Primero tu contraseña: solo tú puedes configurarlo.', 'factor.next': 'Continuar',
  'factor.off.text': 'Desde entonces basta tu contraseña para entrar.',
  'factor.scan': 'Escanéalo con una aplicación de autenticación y escribe el código que muestre.', 'factor.qr': 'Código para escanear con una aplicación de autenticación',
  'factor.by_hand': '¿No puedes escanear? Escribe esta clave en la aplicación, o', 'factor.open_app': 'abre la aplicación en este dispositivo.',
  'factor.code': 'Código de la aplicación', 'factor.confirm': 'Confirmar', 'factor.codes': 'Códigos de recuperación',
  'factor.codes.text': 'Guárdalos donde no esté tu teléfono. Cada uno te deja entrar una vez sin la aplicación. No se mostrarán de nuevo.', 'factor.codes.copy': 'Copiar',
  'factor.codes.kept': 'Lo he guardado', 'sessions.title': 'Dónde has iniciado sesión', 'sessions.text': 'Navegadores y programas. Cierra lo que no conozcas.',
  'sessions.this': 'Este navegador', 'sessions.used': 'Usado {time}', 'sessions.end': 'Cerrar', 'sessions.all': 'Cerrar sesión en todas partes',
  'sessions.all.text': 'Se cierra la sesión de todos los navegadores y programas, también la de este.', 'sessions.unknown': 'Dispositivo desconocido', 'role.none': 'Sin rol',
  'role.viewer': 'Lector', 'role.agent': 'Agente', 'role.admin': 'Administrador', 'role.super_admin': 'Administrador principal', 'users.title': 'Personas',
  'users.add': 'Añadir persona', 'users.role': 'Rol', 'users.role_of': 'Rol de {user}', 'users.role.done': 'Rol de {user} cambiado',
  'users.username.hint': 'Letras, cifras y . _ @ + -', 'users.password.hint': 'Vacía: solo podrá entrar a través de Apache.', 'users.password': 'Poner contraseña',
  'users.password.text': 'Se cierra la sesión de {user} en todas partes y entrará con la nueva.', 'users.password.done': 'Contraseña puesta',
  'users.factor_reset': 'Quitar segundo factor', 'users.factor_reset.done': 'Segundo factor quitado', 'users.sign_out': 'Cerrar sesión en todas partes',
  'users.sign_out.done': 'Sesión cerrada en todas partes', 'users.disable': 'Desactivar', 'users.disabled': 'Desactivada y sin sesión', 'users.enable': 'Activar',
  'users.enabled': 'Activada', 'users.delete': 'Eliminar', 'users.delete.ask': '¿Eliminar {user}?',
  'users.delete.text': 'La cuenta se elimina y se cierra en todas partes. Lo que hizo queda en el registro. No se puede deshacer.', 'users.deleted': 'Cuenta eliminada',
  'users.is_disabled': 'desactivada', 'users.from_apache': 'por Apache', 'users.last': 'Último acceso', 'users.never': 'nunca', 'users.you': 'Tú',
  'users.menu': 'Acciones de {user}', 'users.search': 'Buscar nombre o correo', 'users.none': 'Nadie coincide con «{text}».', 'users.more': 'Hay más; búscalos.',
  'apikeys.title': 'Claves de API', 'apikeys.add': 'Crear clave', 'apikeys.name': 'Qué la usa', 'apikeys.name.hint': 'Un nombre que reconozcas dentro de un año.',
  'apikeys.days': 'Días hasta que caduque', 'apikeys.days.hint': 'Vacío: vale hasta que la revoques.', 'apikeys.made': 'Tu clave nueva',
  'apikeys.made.text': 'Cópiala ahora. Solo se guarda su comienzo, así que no puede mostrarse otra vez.', 'apikeys.copy': 'Copiar clave', 'apikeys.revoke': 'Revocar',
  'apikeys.revoke.ask': '¿Revocar «{name}»?', 'apikeys.revoke.text': 'Lo que use esta clave será rechazado en segundos. No se puede deshacer.',
  'apikeys.revoked': 'Clave revocada', 'apikeys.until': 'hasta {time}', 'apikeys.by': 'creada por {user}', 'apikeys.used': 'usada: {time}', 'apikeys.is_revoked': 'Revocada',
  'apikeys.is_over': 'Caducada', 'apikeys.none': 'Aún no hay claves',
  'apikeys.none.text': 'Los programas entran con una clave. Crea una para cada uno, para poder revocar solo esa.', 'audit.nobody': 'Alguien sin sesión',
  'audit.changes': 'Qué cambió', 'audit.older': 'Mostrar anteriores', 'audit.empty': 'Nada todavía', 'audit.empty.text': 'Aquí aparecerá lo que se cambie en cuentas y claves.',
  'audit.actor': 'Quién', 'audit.action': 'Qué', 'audit.since': 'Desde', 'audit.until': 'Antes de', 'audit.user.created': 'creó la cuenta',
  'audit.admin_user.created': 'creó la cuenta', 'audit.user.updated': 'cambió la cuenta', 'audit.user.signed_in': 'inició sesión',
  'audit.user.password_changed': 'cambió la contraseña', 'audit.user.password_reset': 'puso otra contraseña', 'audit.user.enabled': 'activó la cuenta',
  'audit.user.disabled': 'desactivó la cuenta', 'audit.user.role_set': 'puso el rol', 'audit.user.roles_assigned': 'asignó roles', 'audit.user.deleted': 'eliminó la cuenta',
  'audit.user.second_factor_on': 'configuró un segundo factor', 'audit.user.second_factor_off': 'desactivó el segundo factor',
  'audit.user.second_factor_reset': 'quitó el segundo factor', 'audit.role.created': 'creó el rol', 'audit.role.deleted': 'eliminó el rol',
  'audit.api_key.created': 'creó la clave', 'audit.api_key.revoked': 'revocó la clave', 'problem.credentials_wrong': 'El usuario o la contraseña no son correctos.',
  'problem.code_wrong': 'Este código no es correcto o ya se usó.', 'problem.too_many_attempts': 'Demasiados intentos. Espera un momento e inténtalo de nuevo.',
  'problem.user_disabled': 'Esta cuenta está desactivada.', 'problem.password_wrong': 'La contraseña actual no es correcta.', 'problem.username_taken': 'Ese usuario ya existe.',
  'problem.email_taken': 'Alguien ya tiene ese correo.', 'problem.phone_taken': 'Alguien ya tiene ese teléfono.', 'problem.own_account': 'Nadie hace esto con su propia cuenta.',
  'problem.password_unfit': 'Su contraseña es demasiado débil para un rol. Primero pon una nueva o pide que la cambie.',
  'problem.last_super_admin': 'Es el último administrador principal activo; nombra antes a otro.',
  'problem.username_invalid': 'Solo letras, cifras y . _ @ + -, empezando por letra o cifra.', 'problem.email_invalid': 'No es una dirección de correo.',
  'problem.phone_invalid': 'Escribe el número con su código de país, como +57 315 336 9631.',
  'problem.no_secret': 'El servidor no tiene TwchatTokenSecret; su administrador puede ponerlo.',
};
