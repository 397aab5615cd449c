-- Shapes wrk's one request from the arguments METHOD BODY_BYTES CLOSE(0|1) NEW(0|1) ["NAME: VALUE" ...], and
-- prints what was measured as one line of JSON that load.py reads.

-- A text that no other request has had.
local function new(count)
  return string.format("%08x%08x%08x", os.time(), math.random(0, 0x7fffffff), count)
end

-- With NEW: each request has a URL, a Host, a cookie and names of header fields of its own.
local function made_up_request()
  local count = 0
  return function()
    count = count + 1
    local headers = {}
    for name, value in pairs(wrk.headers) do
      headers[name] = value
    end
    headers["Host"] = new(count) .. ".example"
    headers["Cookie"] = "id=" .. new(count)
    for i = 1, 10 do
      headers["X-" .. i .. "-" .. new(count)] = "x"
    end
    return wrk.format(nil, wrk.path .. "/" .. new(count) .. "?" .. new(count), headers)
  end
end

function init(args)
  wrk.method = args[1]
  local size = tonumber(args[2])
  if size > 0 then
    wrk.body = string.rep("x", size)
    wrk.headers["Content-Type"] = "application/octet-stream"
  end
  if args[3] == "1" then
    wrk.headers["Connection"] = "close"
  end
  if args[4] == "1" then
    math.randomseed(os.time() + tonumber(tostring({}):match("0x(%x+)"), 16) % 100000)
    request = made_up_request()
  end
  for i = 5, #args do
    local name, value = args[i]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nBENCH {"requests": %d, "microseconds": %d, "bytes": %d, "p50": %.1f, "p95": %.1f, ' ..
    '"p99": %.1f, "max": %.1f, "connect": %d, "read": %d, "write": %d, "status": %d, ' ..
    '"timeout": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50),
    latency:percentile(95), latency:percentile(99), latency.max, e.connect, e.read, e.write,
    e.status, e.timeout))
end
