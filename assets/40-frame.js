/* The frame: links without reload, menus, theme, language, drawer, keyboard, expired login. */
(function () {
  "use strict";
  var carbon = (window.carbon = window.carbon || {});

  /* An expired login leads to the login page and back here. */
  var plain = window.fetch;
  window.fetch = function (request) {
    return plain.apply(this, arguments).then(function (answer) {
      if (answer.status === 401 && String((request && request.url) || request).indexOf("/_dash-") !== -1) {
        window.location.assign("/login?next=" + encodeURIComponent(window.location.pathname + window.location.search));
      }
      return answer;
    });
  };

  function cookie(name, value) {
    document.cookie = name + "=" + value + "; path=/; max-age=31536000; samesite=lax" + (window.location.protocol === "https:" ? "; secure" : "");
  }

  function go(href, quiet) {
    window.history[quiet ? "replaceState" : "pushState"]({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }

  function changed(name, value) {
    var query = new URLSearchParams(window.location.search);
    if (value) { query.set(name, value); } else { query.delete(name); }
    var text = query.toString();
    return window.location.pathname + (text ? "?" + text : "");
  }

  /* Another page with the same filters, filtered by a part. */
  carbon.visit = function (path, part) {
    var query = kept("").slice(1);
    go(path + "?" + (query ? query + "&" : "") + "focus=" + part);
    window.scrollTo(0, 0);
  };

  carbon.choose = function (name, value) { go(changed(name, value)); };

  /* Filters stay when the page changes. */
  function kept(path) {
    var query = new URLSearchParams(window.location.search), keep = new URLSearchParams();
    ["site", "from", "to", "grain", "mass", "energy", "compare", "view"].forEach(function (name) {
      if (query.has(name)) { keep.set(name, query.get(name)); }
    });
    var text = keep.toString();
    return path + (text ? "?" + text : "");
  }

  carbon.toast = function (text) {
    var toast = document.getElementById("toast");
    toast.textContent = text;
    toast.classList.add("on");
    window.setTimeout(function () { toast.classList.remove("on"); }, 2400);
  };

  var words = {
    zh: { copied: "链接已复制", saved: "图片已生成", failed: "未能完成，请重试" },
    en: { copied: "Link copied", saved: "Picture ready", failed: "That did not work, please try again" }
  };
  function say(key) { carbon.toast(words[document.documentElement.lang === "en" ? "en" : "zh"][key]); }

  /* ---- the server does not answer: the numbers stay, and it is said that they do ---- */

  var asked = window.fetch;
  window.fetch = function (where) {
    var answer = asked.apply(window, arguments);
    if (!/_dash-update-component/.test((where && where.url) || where)) { return answer; }
    return answer.then(function (found) { reached(true); return found; }, function (error) { reached(error.name === "AbortError"); throw error; });
  };
  function reached(well) {
    var box = document.getElementById("lost");
    if (!box || box.hidden === well) { return; }
    box.hidden = well;
    if (!well) { document.querySelectorAll('[data-panel][data-state="loading"]').forEach(function (panel) { panel.setAttribute("data-state", "stale"); }); }
  }

  /* ---- screen: width and theme, for the charts ---- */

  function screen() {
    if (!window.dash_clientside || !window.dash_clientside.set_props || !document.querySelector(".app")) { return; }
    window.dash_clientside.set_props("screen", { data: { theme: document.documentElement.getAttribute("data-bs-theme"), width: window.innerWidth, at: Date.now() } });
  }
  var waiting = 0;
  window.addEventListener("resize", function () { window.clearTimeout(waiting); waiting = window.setTimeout(screen, 150); });
  window.addEventListener("carbon-theme", screen);
  carbon.screen = screen;

  /* ---- the drawer: any number opens ---- */

  var SAID = ["figure", "figures", "rule", "value", "view", "made", "unit", "note", "meter", "site", "period", "forecast", "band"];

  carbon.open = function (attributes, from) {
    var asked = { at: Date.now() };
    SAID.forEach(function (name) { asked[name] = attributes["data_" + name] || attributes["data-" + name] || ""; });
    if (!asked.figure && !asked.figures && !asked.meter && !asked.forecast) { return; }
    var inside = from && from.closest && from.closest(".drawer");
    if (!inside) { carbon.opener = from || document.activeElement; }
    carbon.went(asked, Boolean(inside));
    carbon.show(asked);
  };

  carbon.show = function (asked) {
    window.dash_clientside.set_props("trace-request", { data: Object.assign({}, asked, { at: Date.now() }) });
    var meter = asked.meter ? ["meter", asked.site, asked.meter, asked.period].join(":") : "";
    var ahead = asked.forecast ? ["forecast", asked.forecast, asked.band].join(":") : "";
    window.history.replaceState({}, "", changed("trace", meter || ahead || asked.figure || ""));
  };

  carbon.close = function () {
    carbon.went(null, false);
    window.dash_clientside.set_props("trace-request", { data: null });
    window.history.replaceState({}, "", changed("trace", ""));
    if (carbon.opener && carbon.opener.focus) { carbon.opener.focus(); }
  };

  /* ---- menus ---- */

  function closeMenus(except) {
    document.querySelectorAll("details.menu-box[open]").forEach(function (menu) { if (menu !== except) { menu.open = false; } });
  }

  function enlarge(panel) {
    var on = panel.classList.toggle("enlarged");
    document.body.classList.toggle("has-enlarged", on);
    screen();
  }

  var actions = {
    theme: function () {
      var next = document.documentElement.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      cookie("theme", next);
      document.documentElement.setAttribute("data-bs-theme", next);
      screen();
    },
    language: function (button) { cookie("lang", button.getAttribute("data-language")); window.location.reload(); },
    print: function () { if (document.querySelector(".help")) { whole(); } else { window.print(); } },
    enlarge: function (button) { enlarge(button.closest("[data-panel]")); },
    png: function (button) { carbon.download(button.closest("[data-panel]"), "png").then(function () { say("saved"); }, function () { say("failed"); }); },
    svg: function (button) { carbon.download(button.closest("[data-panel]"), "svg").then(function () { say("saved"); }, function () { say("failed"); }); },
    link: function (button) {
      var panel = button.closest("[data-panel]");
      copy(window.location.href.split("#")[0] + (panel ? "#" + panel.getAttribute("data-panel") : ""));
    },
    retry: function () { go(window.location.href, true); window.location.reload(); },
    close: function () { carbon.close(); },
    logout: function () {
      var token = /(?:^|; )csrf=([^;]+)/.exec(document.cookie);
      var form = document.createElement("form");
      form.method = "post";
      form.action = "/logout";
      var field = document.createElement("input");
      field.type = "hidden";
      field.name = "csrf_token";
      field.value = token ? decodeURIComponent(token[1]) : "";
      form.appendChild(field);
      document.body.appendChild(form);
      form.submit();
    }
  };

  /* The manual is read chapter by chapter and printed as a whole. */
  function whole() {
    if (document.querySelector('[data-panel="whole"]')) { window.print(); return; }
    var there = new MutationObserver(function () {
      if (!document.querySelector('[data-panel="whole"]')) { return; }
      there.disconnect();
      window.setTimeout(function () { window.print(); }, 100);
    });
    there.observe(document.getElementById("main"), { childList: true, subtree: true });
    window.location.hash = "whole";
  }

  /* A link to the anchor that the address has already: no change of address would tell anyone. */
  function again(hash) {
    var place = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (place && !document.querySelector('[data-panel="found"]')) { place.scrollIntoView(); return; }
    go(window.location.pathname + window.location.search, true);
    window.setTimeout(function () { window.location.hash = hash; }, 50);
  }

  function copy(text) {
    if (navigator.clipboard && window.isSecureContext) { navigator.clipboard.writeText(text).then(function () { say("copied"); }, function () { say("failed"); }); return; }
    var area = document.createElement("textarea");
    area.value = text;
    document.body.appendChild(area);
    area.select();
    say(document.execCommand("copy") ? "copied" : "failed");
    area.remove();
  }

  document.addEventListener("click", function (event) {
    var target = event.target;
    var inMenu = target.closest("details.menu-box");
    closeMenus(inMenu);
    var number = target.closest("[data-figure], [data-figures], [data-meter], [data-forecast]");
    if (number && number.tagName !== "A") { carbon.open(attributesOf(number), number); return; }
    var series = target.closest("[data-series]");
    if (series) { carbon.named(series); return; }
    var choice = target.closest("[data-switch]");
    if (choice) {
      var pair = choice.getAttribute("data-switch").split("=");
      closeMenus();
      go(changed(pair[0], pair[1]));
      return;
    }
    var action = target.closest("[data-do]");
    if (action) { closeMenus(); var act = actions[action.getAttribute("data-do")]; if (act) { act(action); } return; }
    if (target.classList.contains("drawer-shade")) { if (target.closest("#drawer")) { carbon.close(); } return; }
    var link = target.closest("a[href]");
    if (link && link.hasAttribute("download")) { closeMenus(); return; }
    if (!link || link.target || event.ctrlKey || event.metaKey || event.button) { return; }
    var href = link.getAttribute("href");
    if (href[0] === "#") { if (href === window.location.hash) { event.preventDefault(); again(href); } return; }
    if (href[0] !== "?" && href[0] !== "/") { return; }
    event.preventDefault();
    closeMenus();
    if (link.hasAttribute("data-nav")) { go(kept(href)); window.scrollTo(0, 0); }
    else { go(href[0] === "?" ? window.location.pathname + (href === "?" ? "" : href) : href); }
  });

  function attributesOf(element) {
    var found = {};
    SAID.forEach(function (name) { if (element.hasAttribute("data-" + name)) { found["data-" + name] = element.getAttribute("data-" + name); } });
    return found;
  }

  document.addEventListener("keydown", function (event) {
    var active = document.activeElement;
    if (event.key === "Escape") {
      var enlarged = document.querySelector(".panel.enlarged"), open = document.querySelector("details.menu-box[open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); }
      else if (document.querySelector("#drawer .drawer")) { carbon.close(); }
      else if (enlarged) { enlarge(enlarged); }
      else if (carbon.filtered()) { carbon.choose("focus", ""); }
      return;
    }
    if (event.key === "Tab" && front()) { trap(event); return; }
    var menu = active.closest && active.closest("details.menu-box[open]");
    if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      var items = Array.prototype.slice.call(menu.querySelectorAll(".menu-item, .menu .nav-item"));
      var at = items.indexOf(active) + (event.key === "ArrowDown" ? 1 : -1);
      items[(at + items.length) % items.length].focus();
      event.preventDefault();
      return;
    }
    if (active.classList && active.classList.contains("plot")) {
      if (event.key === "ArrowRight" || event.key === "ArrowLeft") { carbon.step(active, event.key === "ArrowRight" ? 1 : -1); event.preventDefault(); }
      if (event.key === "Enter" || event.key === "t" || event.key === "T") { go(changed("table", active.closest("[data-panel]").getAttribute("data-panel"))); }
    }
  });

  /* The drawer in front: a page's own lies below that of a number. */
  function front() {
    var open = Array.prototype.filter.call(document.querySelectorAll(".drawer"), function (one) { return one.offsetParent !== null || one.getClientRects().length; });
    return open[open.length - 1];
  }

  function trap(event) {
    var drawer = front();
    var stops = Array.prototype.filter.call(drawer.querySelectorAll("button, a[href], input, [tabindex='0']"), function (one) { return one.getClientRects().length; });
    var first = stops[0], last = stops[stops.length - 1];
    if (!drawer.contains(document.activeElement)) { first.focus(); event.preventDefault(); }
    else if (event.shiftKey && document.activeElement === first) { last.focus(); event.preventDefault(); }
    else if (!event.shiftKey && document.activeElement === last) { first.focus(); event.preventDefault(); }
  }

  /* ---- where one is, and what the address asks to open ---- */

  function here() {
    document.querySelectorAll("[data-nav]").forEach(function (item) {
      if (item.getAttribute("data-nav") === window.location.pathname) {
        item.setAttribute("aria-current", "page");
        document.title = item.title + " - " + document.querySelector(".brand-name").textContent;
      } else { item.removeAttribute("aria-current"); }
    });
  }
  window.addEventListener("_dashprivate_pushstate", here);
  window.addEventListener("popstate", here);

  var drawn;
  var ready = new MutationObserver(function () {
    if (!document.querySelector(".app") || !window.dash_clientside.set_props) { return; }
    ready.disconnect();
    drawn.observe(document.getElementById("drawer"), { childList: true });
    here();
    screen();
    var asked = new URLSearchParams(window.location.search).get("trace");
    var way = (asked || "").split(":");
    if (way[0] === "meter") { carbon.open({ data_site: way[1], data_meter: way.slice(2, -1).join(":"), data_period: way[way.length - 1] }, document.getElementById("main")); }
    else if (way[0] === "forecast") { carbon.open({ data_forecast: way[1], data_band: way[2] }, document.getElementById("main")); }
    else if (asked) { carbon.open({ data_figure: asked }, document.getElementById("main")); }
  });
  ready.observe(document.documentElement, { childList: true, subtree: true });

  drawn = new MutationObserver(function () {
    var close = document.querySelector("#drawer .drawer [data-do=close]");
    document.body.classList.toggle("has-drawer", Boolean(close));
    carbon.drawerShown();
    if (close && !document.querySelector("#drawer .drawer").contains(document.activeElement)) { close.focus(); }
  });
})();
