/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * theme.js - light or dark, decided before the first paint (the only script that blocks).
 * The choice "system", "light" or "dark" is kept per browser; ui/account.js changes it.
 */
(function () {
  'use strict';
  var KEY = 'twchat.theme';
  var dark = window.matchMedia('(prefers-color-scheme: dark)');

  function chosen() {
    try { return localStorage.getItem(KEY) || 'system'; } catch (e) { return 'system'; }
  }
  function apply() {
    var choice = chosen();
    var theme = choice === 'system' ? (dark.matches ? 'dark' : 'light') : choice;
    document.documentElement.dataset.theme = theme;
  }
  window.twchatTheme = {
    get: chosen,
    set: function (choice) {
      try { localStorage.setItem(KEY, choice); } catch (e) { /* private window: lasts until reload */ }
      apply();
    }
  };
  dark.addEventListener('change', apply);
  window.addEventListener('storage', function (e) { if (e.key === KEY) apply(); });
  apply();
}());
