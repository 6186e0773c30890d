-- Silent single sign-on: /authorize with a session gives a code, /token takes it; a login is both.
local shared = require("shared")
local values = shared.values
shared.install()
local codes = {}
local token_headers = { ["Authorization"] = values.authorization, ["Content-Type"] = "application/x-www-form-urlencoded" }
local authorize
function init() authorize = wrk.format("GET", values.authorize, { ["Cookie"] = values.cookie }) end
function request()
  local code = table.remove(codes, 1)
  if not code then return authorize end
  return wrk.format("POST", "/token", token_headers, values.body .. "&code=" .. code)
end
function response(status, headers, body)
  local location = headers["location"] or headers["Location"]
  local code = location and location:match("[?&]code=([^&]+)")
  if code then table.insert(codes, code)
  elseif status == 200 then shared.count(true)
  else shared.count(false) end
end
