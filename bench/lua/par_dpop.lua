-- A login by the book: the request is pushed, /authorize answers it from the session, /token binds the tokens to a key.
-- Proofs are signed beforehand, one a login; when they run out no more logins begin.
local shared = require("shared")
local values = shared.values
shared.install()
local uris, codes = {}, {}
local next_proof = 0
local form = { ["Authorization"] = values.authorization, ["Content-Type"] = "application/x-www-form-urlencoded" }
local cookie = { ["Cookie"] = values.cookie }
local push
function init() push = wrk.format("POST", "/par", form, values.pushed) end
local function redeem(code)
  next_proof = next_proof + 1
  local proof = values.proofs[next_proof]
  if not proof then wrk.thread:stop() end
  local headers = shared.headers(form)
  headers["DPoP"] = proof or "none"
  return wrk.format("POST", "/token", headers, values.body .. "&code=" .. code)
end
function request()
  local code = table.remove(codes, 1)
  if code then return redeem(code) end
  local uri = table.remove(uris, 1)
  if uri then return wrk.format("GET", values.authorize .. uri, cookie) end
  return push
end
function response(status, headers, body)
  local location = headers["location"] or headers["Location"]
  local code = location and location:match("[?&]code=([^&]+)")
  local uri = status == 201 and body:match('"request_uri":%s*"([^"]+)"')
  if code then table.insert(codes, code)
  elseif uri then table.insert(uris, (uri:gsub(":", "%%3A")))
  else shared.count(status == 200) end
end
