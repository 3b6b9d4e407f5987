/* 数据接入: files sent piece by piece, cells edited in place, buttons that send a command. */
(function () {
  "use strict";
  var PIECE = 450000;
  var job = null;

  function part(name) { return { page: "data", part: name }; }
  function put(name, data) { window.dash_clientside.set_props(part(name), { data: data }); }

  function fresh() {
    var bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, function (b) { return ("0" + b.toString(16)).slice(-2); }).join("");
  }

  function busy(on) {
    var body = document.querySelector(".intake-body");
    if (body) { body.toggleAttribute("data-busy", on); }
  }

  /* What is written as reasons goes along with whatever is sent: what is shown is made anew after it. */
  function reasons(command) {
    var boxes = document.querySelectorAll(".intake-reasons [name]");
    if (!boxes.length) { return; }
    command.reasons = {};
    boxes.forEach(function (box) { command.reasons[box.name] = box.value; });
  }

  document.addEventListener("change", function (event) {
    if (!event.target.closest || !event.target.closest(".intake-reasons")) { return; }
    var command = { "do": "reasons", key: fresh() };
    reasons(command);
    put("import-do", command);
  });

  function send(command) {
    busy(true);
    command.key = command.key || fresh();
    reasons(command);
    if ("commit" in command) { put("import-commit", command); }
    else if ("revoke" in command) { put("import-revoke", command); }
    else { put("import-do", command); }
  }

  /* ---- files ---- */

  function said(words, cls) {
    var place = document.querySelector(".intake-progress-words");
    if (place) { place.textContent = words; place.className = "intake-progress-words " + (cls || ""); }
  }

  function begin(drop, file) {
    var box = drop.querySelector(".intake-progress-box");
    box.classList.remove("work-hidden");
    box.classList.remove("is-ended");
    var kind = /\.xlsx?$/i.test(file.name) ? "-book" : /\.parquet$/i.test(file.name) ? "-parquet" : "";
    if (file.size > Number(drop.getAttribute("data-most" + kind))) {
      box.classList.add("is-ended");
      said(drop.getAttribute("data-large" + kind), "bad");
      return;
    }
    job = { key: fresh(), file: file, at: 0, drop: drop };
    piece();
  }

  function piece() {
    var now = job, reader = new FileReader();
    now.drop.querySelector(".intake-progress").value = 100 * now.at / Math.max(now.file.size, 1);
    said(now.drop.getAttribute("data-busy") + " " + now.file.name + " " + Math.round(100 * now.at / Math.max(now.file.size, 1)) + "%");
    reader.onload = function () {
      if (job !== now) { return; }
      put("import-piece", { key: now.key, name: now.file.name, size: now.file.size, at: now.at, body: String(reader.result).split(",")[1] || "" });
    };
    reader.onerror = function () { said(now.drop.getAttribute("data-failed"), "bad"); };
    reader.readAsDataURL(now.file.slice(now.at, now.at + PIECE));
  }

  function stop() {
    job = null;
    var box = document.querySelector(".intake-progress-box");
    if (box) { box.classList.add("work-hidden"); }
    send({ "do": "cancel" });
  }

  function choose(drop) {
    var input = document.createElement("input");
    input.type = "file";
    input.accept = drop.getAttribute("data-accept");
    input.setAttribute("aria-label", drop.getAttribute("data-label"));
    input.className = "visually-hidden";
    input.addEventListener("change", function () {
      if (input.files[0]) { begin(drop, input.files[0]); }
      input.remove();
    });
    drop.appendChild(input);
    input.click();
  }

  /* ---- forms ---- */

  function submit(name) {
    var form = document.querySelector(".intake-form"), values = {};
    form.querySelectorAll("[name]").forEach(function (one) { values[one.name] = one.value; });
    form.setAttribute("data-busy", "");
    put("forms-do", { form: name, site: form.getAttribute("data-site"), values: values, key: fresh() });
  }

  /* Enter goes to the next field, as a phone's keyboard does; from the last one it sends. */
  document.addEventListener("keydown", function (event) {
    var form = event.key === "Enter" && event.target.closest && event.target.closest(".intake-form");
    if (!form || event.target.tagName !== "INPUT" || event.isComposing || form.hasAttribute("data-busy")) { return; }
    event.preventDefault();
    var fields = Array.prototype.slice.call(form.querySelectorAll("[name]"));
    var next = fields[fields.indexOf(event.target) + 1], send = form.querySelector("[data-intake-submit]");
    if (next) { next.focus(); } else { submit(send.getAttribute("data-intake-submit")); }
  });

  function fill(input, value) {
    var part_ = { page: "data", part: "field-" + input.name };
    window.dash_clientside.set_props(part_, { value: value });
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.intake = {
    answered: function (answer) {
      var none = window.dash_clientside.no_update, form = document.querySelector(".intake-form");
      if (!form || !answer) { return none; }
      form.removeAttribute("data-busy");
      var first = null;
      form.querySelectorAll("[data-field]").forEach(function (box) {
        var name = box.getAttribute("data-field"), wrong = answer.errors[name], odd = answer.doubts[name];
        var input = box.querySelector("[name]"), place = box.querySelector(".intake-error");
        place.textContent = wrong || odd || "";
        box.classList.toggle("is-wrong", !!wrong);
        box.classList.toggle("is-odd", !wrong && !!odd);
        if (wrong) { input.setAttribute("aria-invalid", "true"); first = first || input; } else { input.removeAttribute("aria-invalid"); }
        if (answer.ok && box.querySelector(".once")) { fill(input, (answer.next || {})[name] || ""); }
      });
      if (!first && Object.keys(answer.doubts).length) { first = form.querySelector("[name=note]"); }
      if (first) { first.focus(); }
      return none;
    },
    received: function (answer) {
      var none = window.dash_clientside.no_update;
      if (!answer || !job || answer.key !== job.key) { return none; }
      if (answer.failed) {
        job.drop.querySelector(".intake-progress-box").classList.add("is-ended");
        said(answer.failed, "bad");
        job = null;
        return none;
      }
      job.at = answer.at;
      if (job.at < job.file.size) { piece(); return none; }
      job.drop.querySelector(".intake-progress").value = 100;
      said(job.drop.getAttribute("data-checking"));
      send({ "do": "whole", key: job.key });
      job = null;
      return none;
    }
  };

  ["dragover", "dragleave", "drop"].forEach(function (name) {
    document.addEventListener(name, function (event) {
      var drop = event.target.closest && event.target.closest(".intake-drop");
      if (!drop) { return; }
      event.preventDefault();
      drop.classList.toggle("is-over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) { begin(drop, event.dataTransfer.files[0]); }
    });
  });

  /* ---- cells ---- */

  function edit(cell) {
    var words = cell.getAttribute("data-words"), input = document.createElement("input"), done = false;
    input.type = "text";
    input.value = words;
    input.maxLength = 200;
    input.className = "intake-input";
    input.setAttribute("aria-label", cell.getAttribute("aria-label"));
    function end(keep) {
      if (done) { return; }
      done = true;
      var at = cell.getAttribute("data-cell"), colon = at.indexOf(":"), value = input.value;
      input.remove();
      cell.hidden = false;
      if (!keep || value === words) { cell.focus(); return; }
      cell.textContent = value;
      send({ "do": "edit", row: Number(at.slice(0, colon)), column: at.slice(colon + 1), value: value });
    }
    input.addEventListener("keydown", function (event) {
      if (event.key === "Enter") { end(true); }
      if (event.key === "Escape") { event.stopPropagation(); end(false); }
    });
    input.addEventListener("blur", function () { end(true); });
    cell.hidden = true;
    cell.parentNode.appendChild(input);
    input.focus();
    input.select();
  }

  document.addEventListener("click", function (event) {
    var target = event.target, found = target.closest("[data-intake]");
    if (found) {
      var menu = found.closest("details");
      if (menu) { menu.open = false; }
      send(JSON.parse(found.getAttribute("data-intake")));
      return;
    }
    if ((found = target.closest("[data-intake-choose]"))) { choose(found.closest(".intake-drop")); return; }
    if (target.closest("[data-intake-stop]")) { stop(); return; }
    if ((found = target.closest("[data-intake-submit]"))) { submit(found.getAttribute("data-intake-submit")); return; }
    if ((found = target.closest("[data-cell]"))) { edit(found); }
  });

  new MutationObserver(function (changes) {
    changes.forEach(function (one) {
      if (one.target.classList && (one.target.classList.contains("intake-body") || one.target.classList.contains("work-said"))) { busy(false); }
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
