"use strict";
// OpenID Connect Front-Channel Logout 1.0 §3: the frames of this page tell services that the person signed out; then the
// way leads back. The page's load event comes when every frame has answered; a service that hangs is waited for five
// seconds at most. Plain words for old browsers, apart from signed-out.js, which they need not understand. Without
// JavaScript the page goes on by itself too (see the template).
(function () {
  var back = document.getElementById("signed-out-return");
  var hasLeft = false;
  function leave() {
    if (hasLeft) return;
    hasLeft = true;
    window.location.replace(back.href);
  }
  window.addEventListener("load", leave);
  setTimeout(leave, 5000);
})();
