// Rows of tables, the newest first. All that comes from a peer goes in as text.

const MOST_ROWS = 200
const MOST_TEXT = 300

/** Gives the row, whose cells may be changed later. */
export function addRow(body, ...texts) {
  const row = document.createElement('tr')
  // Columns whose heads are marked do not break their lines.
  const heads = body.closest('table').tHead.rows[0].cells
  texts.forEach((text, index) => row.append(cell(text, heads[index].className)))
  body.prepend(row)
  while (body.rows.length > MOST_ROWS) body.lastElementChild.remove()
  return row
}

function cell(text, className) {
  const element = document.createElement('td')
  element.className = className
  element.textContent = short(text)
  return element
}

export function setCell(row, index, text) {
  row.cells[index].textContent = short(text)
}

function short(text) {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)} … (${text.length} characters)` : text
}

export function timeOfDay(at) {
  return new Date(at).toLocaleTimeString('en-GB')
}

export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.floor(ms / 1_000) % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
