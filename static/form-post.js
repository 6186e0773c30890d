"use strict";
// OAuth 2.0 Form Post Response Mode §2: the page submits itself. Called through the prototype because a field named
// "submit" would otherwise hide the form's method. Without JavaScript the page's own button does the same.
HTMLFormElement.prototype.submit.call(document.getElementById("form-post"));
