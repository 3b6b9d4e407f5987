/* A picture that the server makes: fetched, saved, or why there is none. */
(function () {
  "use strict";
  var carbon = (window.carbon = window.carbon || {});
  var words = {
    zh: { making: "服务器正在出图，需要几秒", saved: "图片已生成", failed: "未能完成，请重试" },
    en: { making: "The server makes the picture, some seconds", saved: "Picture ready", failed: "That did not work, please try again" }
  };

  function say(key) { return words[document.documentElement.lang === "en" ? "en" : "zh"][key]; }

  function named(answer) {
    var found = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") || "");
    return found ? decodeURIComponent(found[1]) : "picture.png";
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-do=server-png]");
    if (!button) { return; }
    carbon.toast(say("making"));
    window.fetch(button.getAttribute("data-href"), { credentials: "same-origin" }).then(function (answer) {
      if (answer.status === 503) { return answer.text().then(function (text) { carbon.toast(text || say("failed")); }); }
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.blob().then(function (blob) { carbon.saved(blob, named(answer)); carbon.toast(say("saved")); });
    }).catch(function () { carbon.toast(say("failed")); });
  });
})();
