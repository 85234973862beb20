// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// The control resource, and the stream of what happens.

export async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const json = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Error((json && json.error) || `the sandbox answered ${answer.status}`);
  return json;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Follow events for ever. hooks.event(e) for each; hooks.reload() -> the id to go on from, at the
 * start and whenever something was missed; hooks.state("live" | "retry", seconds).
 */
export async function follow(hooks) {
  let after = null;
  for (let failures = 0; ;) {
    try {
      if (after === null) after = await hooks.reload();
      hooks.state("live");
      const answer = await call("GET", `events?after=${after}&wait=20`);
      failures = 0;
      after = answer.lost ? null : answer.last;
      answer.events.forEach((event) => hooks.event(event));
    } catch {
      failures += 1;
      after = null;
      for (let left = Math.min(2 ** failures, 15); left > 0; left -= 1) {
        hooks.state("retry", left);
        await pause(1000);
      }
    }
  }
}
