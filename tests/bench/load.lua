-- Shapes wrk's one request from the arguments METHOD BODY_BYTES CLOSE(0|1) ["NAME: VALUE" ...], and
-- prints what was measured as one line of JSON that load.py reads.

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
  for i = 4, #args do
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
