// The picture: a bar of states over a line of pings, with time from left to right.
// Each state has a pattern of its own besides its colour.

const SVG = 'http://www.w3.org/2000/svg'
const BAR = { top: 8, height: 44 }
const PINGS = { top: 66, height: 30 }
const AXIS = 112
const LABEL_LEAST = 70

export function draw(svg, history, seconds, now) {
  const width = svg.clientWidth || 600
  const from = now - seconds * 1000
  const x = (at) => (Math.max(at, from) - from) / (seconds * 1000) * width
  const shapes = [patterns()]
  history.spans.forEach((span, index) => {
    const end = history.spans[index + 1]?.at ?? now
    if (end >= from) shapes.push(...bar(span, x(span.at), x(end)))
  })
  for (const ping of history.pings) if (ping.at >= from) shapes.push(...mark(ping, x(ping.at)))
  svg.replaceChildren(...shapes, ...axis(seconds, width))
}

/** One piece of the picture, for the legend. */
export function drawKey(svg) {
  const key = svg.dataset.key
  svg.setAttribute('aria-hidden', 'true')
  if (key === 'answered' || key === 'unanswered') {
    const ping = { answeredAt: key === 'answered' ? 0 : undefined, lost: key === 'unanswered' }
    const group = make('g', { transform: `translate(0 ${-PINGS.top})` })
    group.append(...mark(ping, 12, 13))
    svg.replaceChildren(group)
    return
  }
  svg.replaceChildren(make('rect', { class: `span ${key}`, x: 1, y: 1, width: 23, height: 12 }))
}

function bar({ name, cause }, left, right) {
  const width = Math.max(1, right - left)
  const rect = make('rect', { class: `span ${name}`, x: left, y: BAR.top, width, height: BAR.height })
  rect.append(make('title', {}, cause === undefined ? name : `${name}: ${cause}`))
  if (width < LABEL_LEAST) return [rect]
  const label = make('text', { x: left + 4, y: BAR.top + BAR.height + 12 }, name)
  return [rect, label]
}

function mark(ping, x, height = PINGS.height) {
  const { top } = PINGS
  const middle = top + height / 2
  const line = make('path', { class: 'ping', d: `M${x} ${top}V${top + height}` })
  if (ping.lost) {
    return [line, make('path', { class: 'unanswered', d: `M${x - 4} ${middle - 4}l8 8m0 -8l-8 8` })]
  }
  if (ping.answeredAt === undefined) return [line]
  return [line, make('circle', { class: 'answered', cx: x, cy: top + height - 4, r: 4 })]
}

function axis(seconds, width) {
  const parts = [make('path', { class: 'axis', d: `M0 ${AXIS}H${width}` })]
  for (let part = 0; part <= 4; part += 1) {
    const ago = seconds * (1 - part / 4)
    const anchor = part === 0 ? 'start' : part === 4 ? 'end' : 'middle'
    const attributes = { x: width * part / 4, y: AXIS + 16, 'text-anchor': anchor }
    parts.push(make('text', attributes, ago === 0 ? 'now' : `${words(ago)} ago`))
  }
  return parts
}

function words(seconds) {
  return seconds < 60 ? `${seconds} s` : `${seconds / 60} min`
}

/** Dots, stripes and crosses in the colour of their state. */
function patterns() {
  const defs = make('defs')
  const paths = {
    dots: ['connecting', 'M2 3h2M6 7h2'],
    stripes: ['waiting', 'M-2 10L10 -2M-2 2L2 -2M6 10L10 6'],
    crosses: ['halted', 'M0 0L8 8M8 0L0 8'],
  }
  for (const [id, [state, d]] of Object.entries(paths)) {
    const pattern = make('pattern', { id, width: 8, height: 8, patternUnits: 'userSpaceOnUse' })
    const path = make('path', { d, 'stroke-width': 2 })
    path.style.stroke = `var(--${state})`
    pattern.append(path)
    defs.append(pattern)
  }
  return defs
}

function make(name, attributes = {}, text) {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== undefined) element.textContent = text
  return element
}
