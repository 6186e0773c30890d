-- Every answer's refresh token is the next request's; there are more tokens than connections.
local shared = require("shared")
local values = shared.values
shared.install()
local tokens = values.tokens
local headers = { ["Authorization"] = values.authorization, ["Content-Type"] = "application/x-www-form-urlencoded" }
function request()
  return wrk.format("POST", "/token", headers, "grant_type=refresh_token&refresh_token=" .. table.remove(tokens, 1))
end
function response(status, _, body)
  shared.count(status == 200)
  local token = body:match('"refresh_token":%s*"([^"]+)"')
  if token then table.insert(tokens, token) end
end
