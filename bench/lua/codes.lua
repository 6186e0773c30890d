-- Redeem one prepared code a request; when they run out the client stops asking the token endpoint.
local shared = require("shared")
local values = shared.values
shared.install()
local next_code = 0
local headers = { ["Authorization"] = values.authorization, ["Content-Type"] = "application/x-www-form-urlencoded" }
function request()
  next_code = next_code + 1
  local code = values.codes[next_code]
  if not code then wrk.thread:stop(); code = "none" end
  return wrk.format("POST", "/token", headers, values.body .. "&code=" .. code)
end
function response(status) shared.count(status == 200) end
