-- The same request again and again: method, path, headers and body come from the driver.
local shared = require("shared")
local values = shared.values
shared.install()
local headers = {}
if values.authorization then headers["Authorization"] = values.authorization end
if values.cookie then headers["Cookie"] = values.cookie end
if values.body then headers["Content-Type"] = "application/x-www-form-urlencoded" end
local text
function init() text = wrk.format(values.method, values.path, headers, values.body) end
function request() return text end
function response(status) shared.count(status == tonumber(values.expected)) end
