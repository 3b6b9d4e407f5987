/* The dialog of notes and targets; what changed since the last visit folds on a phone. */
(function () {
  "use strict";
  var PHONE = 768;
  var carbon = (window.carbon = window.carbon || {});

  function page() { return document.querySelector(".page[data-page]"); }
  function part(name) { return { page: page().getAttribute("data-page"), part: name }; }
  function put(name, props) { window.dash_clientside.set_props(part(name), props); }
  function dialog() { return document.querySelector(".edit-dialog"); }
  function form() { return document.querySelector(".edit-form"); }

  function ask(kind, of, month) {
    if (!dialog()) { return; }
    carbon.asker = document.activeElement;
    put("edit-form", { children: null });
    put("act-edit-said", { children: null });
    put("edit-ask", { data: { kind: kind, panel: of, of: of, month: month || "", at: Date.now() } });
    dialog().showModal();
  }

  function fresh() {
    var bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, function (b) { return ("0" + b.toString(16)).slice(-2); }).join("");
  }

  function send(data) {
    if (dialog()) { dialog().setAttribute("data-busy", "1"); }
    put("edit", { data: Object.assign({ at: Date.now() }, data) });
  }

  function filled() {
    var found = {}, place = form();
    ["key", "site", "panel", "note", "number", "of", "mass", "energy"].forEach(function (name) {
      found[name] = place.getAttribute("data-" + name) || "";
    });
    place.querySelectorAll("[data-field]").forEach(function (field) { found[field.getAttribute("data-field")] = field.value; });
    place.querySelectorAll("[data-sent]").forEach(function (file) { found.file = file.getAttribute("data-sent"); });
    place.querySelectorAll("[data-checks]").forEach(function (list) {
      var on = list.querySelectorAll("[data-check] input:checked");
      found[list.getAttribute("data-checks")] = Array.prototype.map.call(on, function (box) { return box.parentNode.getAttribute("data-check"); }).join(" ");
    });
    found["do"] = place.getAttribute("data-act") || (place.getAttribute("data-kind") === "target" ? "target-set" : found.note === "0" ? "note-add" : "note-change");
    return found;
  }

  var actions = {
    close: function () { dialog().close(); },
    save: function () { if (form() && !dialog().hasAttribute("data-busy")) { send(filled()); } },
    change: function (button) {
      var area = form().querySelector("textarea"), line = button.closest("li");
      form().setAttribute("data-note", button.getAttribute("data-number"));
      form().classList.add("is-change");
      area.value = line.querySelector(".edit-words").textContent;
      area.focus();
    },
    act: function (button) {
      var asked = { "do": button.getAttribute("data-act"), key: fresh(), number: button.getAttribute("data-number") };
      asked.site = (button.closest("[data-site]") || button).getAttribute("data-site") || "";
      carbon.asker = button;
      send(asked);
    },
    remove: function (button) { send({ "do": "note-remove", key: fresh(), note: button.getAttribute("data-number") }); }
  };

  /* A message with a way back stays longer. */
  function said(facts) {
    carbon.toast(facts.words);
    if (facts["do"] !== "note-remove" && !facts.back) { return; }
    var toast = document.getElementById("toast"), button = document.createElement("button");
    button.type = "button";
    button.className = "toast-undo";
    button.textContent = facts.undo;
    button.addEventListener("click", function () {
      toast.classList.remove("on", "can-undo");
      send(Object.assign({ key: fresh() }, facts.back || { "do": "note-restore", note: String(facts.note) }));
    });
    toast.appendChild(button);
    toast.classList.add("can-undo");
    window.setTimeout(function () { toast.classList.remove("can-undo"); }, 10000);
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.edits = {
    done: function (facts) {
      var none = window.dash_clientside.no_update, box = dialog();
      if (box) { box.removeAttribute("data-busy"); }
      var pressed = window.dash_clientside.callback_context.triggered;
      var mine = pressed.some(function (one) { return one.prop_id.indexOf("act-edit-done") !== -1; });
      if (!mine && box && !box.open && pressed.some(function (one) { return one.value; })) { box.showModal(); }
      if (!mine || !facts) { return none; }
      if (box && box.open) { box.close(); }
      if (carbon.asker && carbon.asker.focus) { carbon.asker.focus(); }
      said(facts);
      return none;
    }
  };

  document.addEventListener("click", function (event) {
    var asking = event.target.closest("[data-ask]"), doing = event.target.closest("[data-edit]");
    if (asking) {
      var panel = asking.closest("[data-panel]"), menu = asking.closest("details");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
      ask(asking.getAttribute("data-ask"), asking.getAttribute("data-of"), panel && panel.getAttribute("data-month"));
    } else if (doing && actions[doing.getAttribute("data-edit")]) { actions[doing.getAttribute("data-edit")](doing); }
    else if (event.target === dialog()) { dialog().close(); }
  });

  document.addEventListener("keydown", function (event) {
    var at = document.activeElement;
    if ((event.key === "n" || event.key === "N") && at.classList && at.classList.contains("plot")) {
      var panel = at.closest("[data-panel]"), entry = panel.querySelector("[data-ask=note]");
      if (entry) { event.preventDefault(); ask("note", entry.getAttribute("data-of"), panel.getAttribute("data-month")); carbon.asker = at; }
    }
    if (event.key === "Enter" && at.closest && at.closest(".edit-form") && !event.isComposing) { event.preventDefault(); actions.save(); }
  });

  /* A proof may lead to a chart of another page: it comes into sight once it is there. */
  var wanted = "";

  document.addEventListener("click", function (event) {
    var link = event.target.closest(".since-proof[href*='#']");
    if (link) { wanted = link.getAttribute("href").split("#")[1]; }
  });

  function arrived() {
    var place = wanted && document.querySelector('[data-panel="' + wanted + '"]');
    if (!place || place.getAttribute("data-state") === "loading") { return; }
    wanted = "";
    place.scrollIntoView({ block: "center" });
  }

  new MutationObserver(function () {
    arrived();
    document.querySelectorAll(".since details:not([data-fitted])").forEach(function (list) {
      list.setAttribute("data-fitted", "1");
      if (window.innerWidth < PHONE) { list.open = false; }
    });
    var place = document.querySelector(".edit-form:not([data-ready])");
    if (!place) { return; }
    place.setAttribute("data-ready", "1");
    place.querySelectorAll("select[data-chosen]").forEach(function (box) { box.value = box.getAttribute("data-chosen"); });
    var first = place.querySelector("textarea");
    if (first) { first.focus(); }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
