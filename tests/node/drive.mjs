// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// Twilio's Node library, unchanged, against a sandbox: node drive.mjs, with TWILIO_API_BASE, TWILIO_ACCOUNT_SID,
// TWILIO_AUTH_TOKEN, FROM, SERVICE and CALLBACK in the environment. Prints one line per check, exits 1 on a failure.
import assert from "node:assert/strict";
import twilio from "twilio";

const env = process.env;
const client = twilio(env.TWILIO_ACCOUNT_SID, env.TWILIO_AUTH_TOKEN);
client.api.baseUrl = env.TWILIO_API_BASE;
const from = env.FROM;
let number = 15005600000;
const to = () => `+${(number += 1)}`;

async function settled(sid, status) {
  for (let i = 0; i < 200; i += 1) {
    const message = await client.messages(sid).fetch();
    if (message.status === status) return message;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`${sid} never was ${status}`);
}

async function refused(promise, status, code) {
  await assert.rejects(promise, (error) => error.status === status && error.code === code
    && error.moreInfo === `https://www.twilio.com/docs/errors/${code}`);
}

const checks = {
  async "create, fetch, redact, delete"() {
    const made = await client.messages.create({ to: to(), from, body: "Grüße 👋", statusCallback: env.CALLBACK });
    assert.match(made.sid, /^SM[0-9a-f]{32}$/);
    assert.deepEqual([made.status, made.direction, made.body], ["queued", "outbound-api", "Grüße 👋"]);
    assert.ok(made.dateCreated instanceof Date && made.dateSent === null);
    const sent = await settled(made.sid, "delivered");
    assert.ok(sent.dateSent instanceof Date);
    assert.equal((await client.messages(made.sid).update({ body: "" })).body, "");
    assert.equal(await client.messages(made.sid).remove(), true);
    await refused(client.messages(made.sid).fetch(), 404, 20404);
  },
  async "list with filters and pages"() {
    const target = to();
    const sids = [];
    for (let i = 0; i < 12; i += 1) sids.unshift((await client.messages.create({ to: target, from, body: `${i}` })).sid);
    const all = await client.messages.list({ to: target, pageSize: 5 });
    assert.deepEqual(all.map((m) => m.sid), sids);
    assert.equal((await client.messages.list({ to: target, limit: 3 })).length, 3);
    const first = await client.messages.page({ to: target, pageSize: 5 });
    const second = await first.nextPage();
    assert.deepEqual(second.instances.map((m) => m.sid), sids.slice(5, 10));
    assert.deepEqual((await second.previousPage()).instances.map((m) => m.sid), sids.slice(0, 5));
    await settled(sids[0], "delivered");
    const hour = 3600 * 1000;
    assert.ok((await client.messages.list({ to: target, dateSentAfter: new Date(Date.now() - hour) })).length >= 1);
    assert.equal((await client.messages.list({ to: target, dateSentBefore: new Date(Date.now() - hour) })).length, 0);
  },
  async "schedule and cancel"() {
    const made = await client.messages.create({ to: to(), messagingServiceSid: env.SERVICE, body: "later",
      scheduleType: "fixed", sendAt: new Date(Date.now() + 3600 * 1000) });
    assert.equal(made.status, "scheduled");
    assert.equal((await client.messages(made.sid).update({ status: "canceled" })).status, "canceled");
  },
  async "service picks the sender"() {
    const made = await client.messages.create({ to: to(), messagingServiceSid: env.SERVICE, body: "pool" });
    assert.deepEqual([made.status, made.from], ["accepted", null]);
    assert.equal((await settled(made.sid, "delivered")).from, from);
  },
  async "templates"() {
    const made = await client.messages.create({ to: to(), from, contentSid: `HX${"0".repeat(32)}`,
      contentVariables: JSON.stringify({ 1: "Ana" }) });
    assert.match(made.sid, /^SM/);
  },
  async "media"() {
    const made = await client.messages.create({ to: to(), from, body: "look",
      mediaUrl: ["https://127.0.0.1:9/a.png", "https://127.0.0.1:9/b.jpg"] });
    assert.equal(made.numMedia, "2");
    const media = await client.messages(made.sid).media.list();
    assert.deepEqual(media.map((m) => m.contentType), ["image/png", "image/jpeg"]);
    assert.equal((await client.messages(made.sid).media(media[0].sid).fetch()).parentSid, made.sid);
    assert.equal(await client.messages(made.sid).media(media[0].sid).remove(), true);
    assert.equal((await client.messages(made.sid).media.list()).length, 1);
  },
  async "account, balance, numbers"() {
    const account = await client.api.v2010.accounts(env.TWILIO_ACCOUNT_SID).fetch();
    assert.equal(account.status, "active");
    assert.equal((await client.balance.fetch()).currency, "USD");
    const [mine] = await client.incomingPhoneNumbers.list({ phoneNumber: from });
    const updated = await client.incomingPhoneNumbers(mine.sid).update({ smsUrl: "https://chat.example.com/in" });
    assert.equal(updated.smsUrl, "https://chat.example.com/in");
  },
  async "errors"() {
    await refused(client.messages.create({ to: "+15005550001", from: "+15005550006", body: "x" }), 400, 21211);
    await refused(client.messages.create({ to: to(), from, body: "x".repeat(1601) }), 400, 21617);
    await refused(client.messages.create({ to: to(), from: "+19995550000", body: "x" }), 400, 21606);
    const stranger = twilio(env.TWILIO_ACCOUNT_SID, "wrong");
    stranger.api.baseUrl = env.TWILIO_API_BASE;
    await refused(stranger.balance.fetch(), 401, 20003);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}: ${error.stack}`);
  }
}
process.exit(failed ? 1 : 0);
