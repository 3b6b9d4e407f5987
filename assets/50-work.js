/* Working pages: the search box and the address, the dialog, files sent piece by piece. */
(function () {
  "use strict";
  var PIECE = 450000;
  var sending = {};

  function page() { return document.querySelector(".page[data-page]").getAttribute("data-page"); }
  function part(name) { return { page: page(), part: name }; }
  function put(name, data) { window.dash_clientside.set_props(part(name), { data: data }); }

  function go(href, quiet) {
    window.history[quiet ? "replaceState" : "pushState"]({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }

  function query() { return new URLSearchParams(window.location.search); }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.work = {
    /* What the address says stands in the box, unless somebody is writing in it. */
    searched: function (search) {
      var active = document.activeElement;
      if (active && active.closest(".work-search")) { return window.dash_clientside.no_update; }
      return new URLSearchParams(search || "").get("q") || "";
    },
    search: function (value) {
      var now = query(), words = (value || "").trim();
      if (["/factors", "/audit"].indexOf(window.location.pathname) !== -1 && words !== (now.get("q") || "")) {
        if (words) { now.set("q", words); } else { now.delete("q"); }
        ["shown", "page", "top", "record"].forEach(function (name) { now.delete(name); });
        var text = now.toString();
        go(window.location.pathname + (text ? "?" + text : ""), true);
      }
      return window.dash_clientside.no_update;
    },
    pick: function () {
      var context = window.dash_clientside.callback_context, none = window.dash_clientside.no_update;
      var pressed = context.triggered[0], names = context.inputs_list.map(function (one) { return one.id.part; });
      if (!pressed || !pressed.value) { return [none].concat(names.map(function () { return none; })); }
      var part = JSON.parse(pressed.prop_id.slice(0, pressed.prop_id.lastIndexOf("."))).part;
      return [part.slice(part.lastIndexOf("-") + 1)].concat(names.map(function (name) { return String(name === part); }));
    },
    received: function (answer) {
      if (answer && sending[answer.slot] && sending[answer.slot].key === answer.key) { sending[answer.slot].next(answer); }
      return window.dash_clientside.no_update;
    }
  };

  /* ---- what was chosen comes into sight, once it is there ---- */

  var wanted = "";

  document.addEventListener("click", function (event) {
    var link = event.target.closest("a.work-name, a.strip-link, a.work-step, a.audit-related, a.audit-sign");
    if (!link) { return; }
    var asked = new URLSearchParams(link.getAttribute("href").split("#")[0]);
    wanted = link.hash ? link.hash.slice(1) : asked.has("proposal") ? "effect" : asked.has("month") ? "month-card" : asked.has("record") ? "record-card" : asked.has("factor") ? "compare" : "";
  });

  function shown() {
    var place = wanted && document.getElementById(wanted);
    if (!place) { return; }
    wanted = "";
    place.scrollIntoView({ block: place.id === "effect" ? "start" : "nearest" });
  }

  /* ---- the dialog ---- */

  function dialog() { return document.querySelector(".work-dialog"); }

  document.addEventListener("click", function (event) {
    var work = event.target.closest("[data-work]");
    if (!work || !dialog()) { return; }
    if (work.getAttribute("data-work") === "close") { dialog().close(); return; }
    window.dash_clientside.set_props(part("act-form"), { children: null });
    dialog().showModal();
  });

  /* ---- files ---- */

  function key() {
    var bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, function (b) { return ("0" + b.toString(16)).slice(-2); }).join("");
  }

  function send(place, file) {
    var slot = place.getAttribute("data-file"), said = place.querySelector("span");
    var job = { key: key(), at: 0 };
    sending[slot] = job;
    put("file-" + slot, null);
    place.removeAttribute("data-sent");
    said.className = "work-busy";
    said.textContent = place.getAttribute("data-busy");

    function end(words, cls) { said.className = cls; said.textContent = words; }

    job.next = function (answer) {
      if (answer.failed) { end(answer.failed, "bad"); return; }
      job.at = answer.at;
      if (job.at < file.size) { piece(); return; }
      put("file-" + slot, { key: job.key, name: file.name });
      place.setAttribute("data-sent", job.key + "|" + file.name);
      end(place.getAttribute("data-ready"), "good");
    };

    function piece() {
      var reader = new FileReader();
      reader.onload = function () {
        put("piece", { slot: slot, key: job.key, at: job.at, body: String(reader.result).split(",")[1] || "" });
      };
      reader.onerror = function () { end(place.getAttribute("data-failed"), "bad"); };
      reader.readAsDataURL(file.slice(job.at, job.at + PIECE));
    }
    piece();
  }

  function choosers() {
    document.querySelectorAll(".work-file:empty").forEach(function (place) {
      var input = document.createElement("input"), said = document.createElement("span");
      input.type = "file";
      input.accept = place.getAttribute("data-accept");
      input.setAttribute("aria-label", place.getAttribute("data-label"));
      said.setAttribute("role", "status");
      input.addEventListener("change", function () { if (input.files[0]) { send(place, input.files[0]); } });
      place.appendChild(input);
      place.appendChild(said);
    });
  }

  /* ---- what the server sends: places of files, and where to go next ---- */

  var ready = new MutationObserver(function () {
    choosers();
    window.requestAnimationFrame(shown);
    var next = document.querySelector("[data-goto]");
    if (next && dialog() && dialog().open) {
      dialog().close();
      go(window.location.pathname + next.getAttribute("data-goto"));
    }
  });
  ready.observe(document.documentElement, { childList: true, subtree: true });
})();
