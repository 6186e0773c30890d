"use strict";
// OpenID Connect Session Management 1.0 §3.2: a page of a relying party asks "<client_id> <session_state>" and hears
// "unchanged", "changed" or "error". A session_state is bound to the origin it was given to (it is computed as in
// idp/protocol/session_management.py), so no other origin ever hears "unchanged". Without our cookie, which browsers
// may keep from frames in foreign pages, the answer is "error": "changed" would send the relying party round in circles
// (§3.1, §5.1). SHA-256 stands here in plain words: the browser's own is asynchronous, exists only in secure contexts,
// and not in every engine.
(function () {
  var COOKIE = document.getElementById("check-session").getAttribute("data-cookie") + "=";
  var LONGEST = 2048;
  var MESSAGE = /^([\x20-\x7e]+) ([\w-]+)\.([\w-]+)$/; // client_id (RFC 6749 §A.1), hash, salt
  var ROUND = []; // FIPS 180-4 §4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes
  var START = []; // §5.3.3: of the square roots of the first 8

  function fraction(number) {
    return ((number - Math.floor(number)) * 4294967296) | 0;
  }

  function isPrime(number) {
    for (var divisor = 2; divisor * divisor <= number; divisor += 1) {
      if (number % divisor === 0) return false;
    }
    return true;
  }

  for (var number = 2; ROUND.length < 64; number += 1) {
    if (!isPrime(number)) continue;
    ROUND.push(fraction(Math.pow(number, 1 / 3)));
    if (START.length < 8) START.push(fraction(Math.sqrt(number)));
  }

  function padded(text) { // §5.1.1: UTF-8 as 32-bit words, a one bit, zeros, the length in bits
    var bytes = unescape(encodeURIComponent(text));
    var words = [];
    var last = ((bytes.length + 8) >> 6) * 16 + 15;
    for (var i = 0; i <= last; i += 1) words.push(0);
    for (i = 0; i < bytes.length; i += 1) words[i >> 2] |= bytes.charCodeAt(i) << (24 - (i % 4) * 8);
    words[i >> 2] |= 128 << (24 - (i % 4) * 8);
    words[last] = bytes.length * 8;
    return words;
  }

  function turned(word, bits) {
    return (word >>> bits) | (word << (32 - bits));
  }

  function schedule(block) { // §6.2.2 step 1
    var w = block.slice();
    for (var t = 16; t < 64; t += 1) {
      var low = turned(w[t - 15], 7) ^ turned(w[t - 15], 18) ^ (w[t - 15] >>> 3);
      var high = turned(w[t - 2], 17) ^ turned(w[t - 2], 19) ^ (w[t - 2] >>> 10);
      w.push((w[t - 16] + low + w[t - 7] + high) | 0);
    }
    return w;
  }

  function compressed(hash, block) { // §6.2.2 steps 2 to 4
    var w = schedule(block);
    var v = hash.slice(); // a to h
    for (var t = 0; t < 64; t += 1) {
      var choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
      var majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      var first = v[7] + (turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)) + choice + ROUND[t] + w[t];
      var second = (turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)) + majority;
      v.unshift((first + second) | 0);
      v.pop();
      v[4] = (v[4] + first) | 0;
    }
    return v.map(function (word, i) {
      return (word + hash[i]) | 0;
    });
  }

  function sha256(text) {
    var words = padded(text);
    var hash = START;
    for (var i = 0; i < words.length; i += 16) hash = compressed(hash, words.slice(i, i + 16));
    return hash
      .map(function (word) {
        return ("0000000" + (word >>> 0).toString(16)).slice(-8);
      })
      .join("");
  }

  function browserState() {
    var pairs = document.cookie.split("; ");
    for (var i = 0; i < pairs.length; i += 1) {
      if (pairs[i].indexOf(COOKIE) === 0) return pairs[i].slice(COOKIE.length);
    }
    return "";
  }

  function verdict(data, origin) {
    var asked = typeof data === "string" && data.length <= LONGEST && MESSAGE.exec(data);
    var state = browserState();
    if (!asked || !state) return "error";
    var expected = sha256(asked[1] + " " + origin + " " + state + " " + asked[3]);
    return asked[2] === expected ? "unchanged" : "changed";
  }

  window.addEventListener("message", function (event) {
    // a page without an origin of its own has no session_state, and nobody else must read the answer
    if (event.source && event.origin !== "null") {
      event.source.postMessage(verdict(event.data, event.origin), event.origin);
    }
  });
})();
