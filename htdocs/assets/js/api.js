/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * api.js - every call the pages make, and where the mount is. docs/page-api.md is the contract.
 */

/** Root of the mount, with a trailing slash: this file is <root>assets/js/api.js. */
export const ROOT = new URL('../../', import.meta.url);

const TIMEOUT_MS = 30000;

/** Why a call failed. status 0: no answer at all, so nobody knows whether it was carried out. */
export class ApiError extends Error {
  constructor(status, problem = {}, retryAfter = null) {
    super(problem.detail || problem.error || `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? null;
    this.field = problem.field ?? null;
    this.said = problem.detail || problem.error || null;
    this.retryAfter = retryAfter;
  }
  /** The same call may succeed a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || (this.status >= 502 && this.status <= 504);
  }
}

/** A page's address: url('inbox'), url('chat/' + …). */
export function url(path, params) {
  const address = new URL(path, ROOT);
  for (const [name, value] of Object.entries(params || {})) {
    if (value !== null && value !== undefined && value !== '') address.searchParams.set(name, value);
  }
  return address.href;
}

/** The chat page of a peer: /chat/+48123123123, /chat/whatsapp:+57… */
export function chatUrl(peer) {
  return url('chat/' + encodeURIComponent(peer).replace(/%2B/g, '+').replace(/%3A/g, ':'));
}

/** What the address bar says behind /chat/, decoded, or null. */
export function peerOfLocation(pathname = location.pathname) {
  const prefix = ROOT.pathname + 'chat/';
  if (!pathname.startsWith(prefix)) return null;
  const text = pathname.slice(prefix.length).replace(/\/+$/, '');
  try { return decodeURIComponent(text) || null; } catch { return text; }
}

/** A new Idempotency-Key; crypto.randomUUID needs https, this does not. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
}

async function request(method, path, { params, body, headers = {}, timeout = TIMEOUT_MS } = {}) {
  let response;
  const init = { method, credentials: 'same-origin', headers: { Accept: 'application/json', ...headers }, signal: AbortSignal.timeout(timeout) };
  const token = /(?:^|; )admin_csrf=([^;]+)/.exec(document.cookie);
  if (token && method !== 'GET') init.headers['X-CSRF-Token'] = token[1];
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  try {
    response = await fetch(url(path, params), init);
  } catch (cause) {
    throw new ApiError(0, { detail: null, code: cause.name === 'TimeoutError' ? 'timeout' : 'network' });
  }
  const data = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, data || {}, Number(response.headers.get('Retry-After')) || null);
  if (data === null) throw new ApiError(0, { code: 'network' });
  return data;
}

const get = (path, params) => request('GET', path, { params });
const post = (path, body = {}, key = newKey()) => request('POST', path, { body, headers: { 'Idempotency-Key': key } });
const thread = peer => 'api/threads/' + encodeURIComponent(peer);

let sessionPromise = null;

/** Who is signed in and what the account can do; asked once per page. */
export function session() {
  if (!sessionPromise) {
    sessionPromise = get('api/session');
    sessionPromise.catch(() => { sessionPromise = null; });
  }
  return sessionPromise;
}

export const signIn = (username, password, code) => post('api/signin', { username, password, ...(code ? { code } : {}) });
export const signOut = () => post('api/signout');
export const account = () => get('api/account');
export const changeAccount = fields => request('PATCH', 'api/account', { body: fields });
export const changePassword = (current, fresh) => post('api/account/password', { current_password: current, new_password: fresh });
export const sessions = () => get('api/account/sessions');
export const endSession = id => request('DELETE', `api/account/sessions/${id}`);
export const signOutEverywhere = () => post('api/account/signout');
export const factorState = () => get('api/account/factor');
export const renewCodes = password => post('api/account/factor/codes', password ? { password } : {});
export const beginFactor = password => post('api/account/factor', password ? { password } : {});
export const confirmFactor = code => post('api/account/factor/confirm', { code });
export const factorOff = password => post('api/account/factor/off', { password });
export const users = params => get('api/users', params);
export const addUser = fields => post('api/users', fields);
export const changeUser = (id, fields) => request('PATCH', `api/users/${id}`, { body: fields });
export const deleteUser = id => request('DELETE', `api/users/${id}`);
export const setUserPassword = (id, password) => post(`api/users/${id}/password`, { password });
export const resetFactor = id => post(`api/users/${id}/factor/reset`);
export const signOutUser = id => post(`api/users/${id}/signout`);
export const keysOf = () => get('api/keys');
export const addKey = fields => post('api/keys', fields);
export const revokeKey = id => request('DELETE', `api/keys/${id}`);
export const audit = params => get('api/audit', params);
export const stats = () => get('api/stats');
export const stuck = params => get('api/outbox/stuck', params);
export const entries = params => get('api/entries', params);
export const threads = params => get('api/threads', params);
export const threadOf = peer => get(thread(peer));
export const threadEntries = (peer, params) => get(`${thread(peer)}/entries`, params);
export const markRead = peer => post(`${thread(peer)}/read`);
export const cancel = id => post(`api/outbox/${id}/cancel`);
export const retry = (id, key) => post(`api/outbox/${id}/retry`, {}, key);
export const send = (payload, key) => post('api/send-message', payload, key);
export const autoReply = () => get('api/auto-reply/config');
export const setAutoReply = config => post('api/auto-reply/config', config);
export const redact = sid => post(`api/messages/${encodeURIComponent(sid)}/redact`);
export const remove = sid => request('DELETE', `api/messages/${encodeURIComponent(sid)}`);
