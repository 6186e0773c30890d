-- A protected resource asked with a bound token: the same request, each time with a fresh proof.
local shared = require("shared")
local values = shared.values
shared.install()
local next_proof = 0
local headers = { ["Authorization"] = values.authorization }
function request()
  next_proof = next_proof + 1
  if not values.proofs[next_proof] then wrk.thread:stop() end
  headers["DPoP"] = values.proofs[next_proof] or "none"
  return wrk.format("GET", values.path, headers)
end
function response(status) shared.count(status == 200) end
