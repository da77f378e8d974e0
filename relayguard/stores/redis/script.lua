-- Judges the charges of one take and counts them, as `settle` of arithmetic.py does: there is the explanation, and the
-- same names. KEYS are the counters; ARGV is the time, or nothing for the server's own, then "take", or "look" to count
-- nothing, and then for each counter
--   algorithm amount seconds burst cost binding member
-- The answer is for each: admitted used left retry_after.
--
-- A counter is a string of words ("rate full span updated", "window updated seconds amount" and then a number and a count for
-- each slot), or for DISTINCT a sorted set:
-- members by when they were seen, and before them all, at -inf, the head "distinct updated seconds amount".

local EPSILON, STEP_SECONDS, SLOTS = 1e-6, 1.0, 24
local WORDS = { rate = 3, distinct = 3 }

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local unreadable

local function exact(number)
  return string.format('%.17g', number)
end

local function whole(number)
  return number < 0 and math.ceil(number) or math.floor(number)
end

local function late_by(updated)
  return updated > now + STEP_SECONDS and updated - now or 0
end

-- A clock that goes back while a key lives would else find it gone too early.
local function lifetime(expires)
  return string.format('%.0f', math.ceil((expires - now + STEP_SECONDS) * 1000))
end

-- Returns the numbers of a counter, nil if there are none; its text; and whether another algorithm left it.
local function kept(key, algorithm)
  local text
  if algorithm == 'distinct' then
    text = redis.pcall('ZRANGE', key, 0, 0)
    text = text.err and text or text[1]
  else
    text = redis.pcall('GET', key)
  end
  if type(text) == 'table' then
    local kind = redis.call('TYPE', key).ok
    if kind ~= 'string' and kind ~= 'zset' then
      unreadable = key
    end
    return nil, nil, true
  end
  if not text then
    return nil
  end
  local found, rest = string.match(text, '^(%a+)(.*)$')
  local numbers, sound = {}, true
  for word in string.gmatch(rest or '', '%S+') do
    local number = tonumber(word)
    sound = sound and number ~= nil
    numbers[#numbers + 1] = number
  end
  local whole_window = found == 'window' and #numbers >= 3 and #numbers % 2 == 1
  if not found or not (whole_window or WORDS[found] == #numbers) or not sound then
    unreadable = key
    return nil
  end
  if found ~= algorithm then
    return nil, nil, true
  end
  return numbers, text
end

local function keep(key, expires, algorithm, ...)
  local words = { algorithm }
  for i, number in ipairs({ ... }) do
    words[i + 1] = exact(number)
  end
  redis.call('SET', key, table.concat(words, ' '), 'PX', lifetime(expires))
end

local function judge_rate(key, charge)
  local interval = charge.seconds / charge.amount
  local span = interval * charge.burst
  local state = kept(key, 'rate')
  local before = now
  if state then
    local late = late_by(state[3])
    before = math.max(math.min(state[1] - late, math.min(state[3] - late, now) + span), now)
  end
  local after = before + charge.cost * interval
  local wait = after - now - span
  local admitted = wait <= EPSILON
  local used = (admitted and after or before) - now
  local retry_after = 0
  if not admitted then
    retry_after = charge.cost <= charge.burst and wait or math.huge
  end
  return admitted, used / span, whole((span - used + EPSILON) / interval), retry_after, function()
    keep(key, after, 'rate', after, span, now)
  end
end

-- Returns the numbers and counts of the slots that still count, one after the other, and their sum.
local function living_slots(state, seconds, current)
  local slots, used = {}, 0
  if state[2] ~= seconds then
    local late = late_by(state[1])
    local updated, shift = state[1] - late, math.floor(late * SLOTS / state[2])
    local oldest = math.floor(updated * SLOTS / state[2]) - SLOTS
    for i = 4, #state, 2 do
      if state[i] - shift > oldest then
        used = used + state[i + 1]
      end
    end
    local slot = math.floor(updated * SLOTS / seconds)
    if slot > current - SLOTS then
      return { slot, used }, used
    end
    return {}, 0
  end
  local shift = math.floor(late_by(state[1]) * SLOTS / seconds)
  for i = 4, #state, 2 do
    if state[i] - shift > current - SLOTS then
      slots[#slots + 1] = state[i] - shift
      slots[#slots + 1] = state[i + 1]
      used = used + state[i + 1]
    end
  end
  return slots, used
end

local function window_wait(charge, slots, used)
  for i = 1, #slots, 2 do
    used = used - slots[i + 1]
    if used + charge.cost <= charge.amount + EPSILON then
      return (slots[i] + SLOTS) * charge.seconds / SLOTS
    end
  end
  return math.huge
end

local function judge_window(key, charge)
  local current = math.floor(now * SLOTS / charge.seconds)
  local slots, used = {}, 0
  local state = kept(key, 'window')
  if state then
    slots, used = living_slots(state, charge.seconds, current)
  end
  local admitted = used + charge.cost <= charge.amount + EPSILON
  local retry_after = 0
  if admitted then
    used = used + charge.cost
  else
    retry_after = window_wait(charge, slots, used) - now
  end
  local left = math.max(0, whole(charge.amount - used + EPSILON))
  return admitted, used / charge.amount, left, retry_after, function()
    if #slots > 0 and slots[#slots - 1] >= current then
      slots[#slots] = slots[#slots] + charge.cost
    else
      slots[#slots + 1] = current
      slots[#slots + 1] = charge.cost
    end
    keep(key, (slots[#slots - 1] + SLOTS) * charge.seconds / SLOTS,
      'window', now, charge.seconds, charge.amount, unpack(slots))
  end
end

local function count_member(key, charge, head, foreign, late, gone)
  local text = table.concat({ 'distinct', exact(now), exact(charge.seconds), exact(charge.amount) }, ' ')
  if foreign then
    redis.call('DEL', key)
  end
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  newest = newest ~= '-inf' and tonumber(newest) or now + late
  local seen = math.max(now + late, newest)
  -- What needs memory comes first: a server that is full refuses only the first change of a script.
  redis.call('ZADD', key, '-inf', text, exact(seen), charge.member)
  if head and head ~= text then
    redis.call('ZREM', key, head)
  end
  redis.call('ZREMRANGEBYSCORE', key, '(-inf', exact(gone))
  if late ~= 0 then
    local members = redis.call('ZRANGEBYSCORE', key, '(-inf', '+inf', 'WITHSCORES')
    for i = 1, #members, 2 do
      redis.call('ZADD', key, exact(tonumber(members[i + 1]) - late), members[i])
    end
    redis.call('ZADD', key, exact(seen - late), charge.member)
  end
  redis.call('PEXPIRE', key, lifetime(now + charge.seconds))
end

local function judge_distinct(key, charge)
  local state, head, foreign = kept(key, 'distinct')
  -- The scores stay on the clock as it went before; so what is gone is told by that clock, too.
  local late = state and late_by(state[1]) or 0
  local gone = now - charge.seconds + late
  local used, known = 0, false
  if state then
    local seen = redis.call('ZSCORE', key, charge.member)
    known = seen and tonumber(seen) > gone
    used = redis.call('ZCOUNT', key, '(' .. exact(gone), '+inf') - (known and 1 or 0)
  end
  local admitted = known or used < charge.amount
  local retry_after = 0
  if admitted then
    used = used + 1
  else
    local oldest = redis.call('ZRANGEBYSCORE', key, '(' .. exact(gone), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    retry_after = tonumber(oldest[2]) - late + charge.seconds - now
  end
  return admitted, used / charge.amount, math.max(0, charge.amount - used), retry_after, function()
    count_member(key, charge, head, foreign, late, gone)
  end
end

local JUDGES = { rate = judge_rate, window = judge_window, distinct = judge_distinct }

local answer, counting, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local charge = {}
  local algorithm, amount, seconds, burst, cost, binding, member =
    string.match(ARGV[i + 2], '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S*)$')
  charge.amount, charge.seconds, charge.burst = tonumber(amount), tonumber(seconds), tonumber(burst)
  charge.cost, charge.member = tonumber(cost), member
  local admitted, used, left, retry_after, count = JUDGES[algorithm](key, charge)
  answer[i] = string.format('%d %.17g %.0f %.17g', admitted and 1 or 0, used, left, retry_after)
  if admitted then
    counting[#counting + 1] = count
  elseif binding == '1' then
    refused = true
  end
end

if unreadable then
  return redis.error_reply('UNREADABLE ' .. string.gsub(unreadable, '[^%w%p ]', '?'))
end
if not refused and ARGV[2] == 'take' then
  for _, count in ipairs(counting) do
    count()
  end
end
return table.concat(answer, ' ')
