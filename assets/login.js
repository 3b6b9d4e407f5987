/* Two conveniences of the login pages; everything works without them. */
(function () {
  "use strict";
  document.querySelectorAll("[data-reveal]").forEach(function (button) {
    var input = document.getElementById(button.getAttribute("data-reveal"));
    button.hidden = false;
    button.addEventListener("click", function () {
      var shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
      input.focus();
    });
    if (input.form) input.form.addEventListener("submit", function () { input.type = "password"; });
  });
  document.querySelectorAll("form").forEach(function (form) {
    var sent = false;
    form.addEventListener("submit", function (event) {
      if (sent) { event.preventDefault(); return; }
      sent = true;
      var button = form.querySelector(".submit");
      if (button) button.setAttribute("aria-busy", "true");
    });
    window.addEventListener("pageshow", function () {
      sent = false;
      var button = form.querySelector(".submit");
      if (button) button.removeAttribute("aria-busy");
    });
  });
})();
