-- What every script needs: the values from the driver, counting right answers, the result line.
local M = {}
M.values = dofile(os.getenv("BENCH_VALUES"))
M.form = { ["Content-Type"] = "application/x-www-form-urlencoded" }

local threads = {}

function M.install()
  right, wrong, last_right = 0, 0, 0
  function setup(thread) table.insert(threads, thread) end
  function done(summary, latency)
    local r, w = 0, 0
    for _, thread in ipairs(threads) do r = r + thread:get("right"); w = w + thread:get("wrong") end
    print(string.format('RESULT {"right": %d, "wrong": %d, "seconds": %.3f, "p50": %.2f, "p99": %.2f}',
      r, w, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
  end
end

function M.count(is_right) if is_right then right = right + 1 else wrong = wrong + 1 end end

function M.headers(extra)
  local headers = {}
  for name, value in pairs(extra or {}) do headers[name] = value end
  return headers
end

return M
