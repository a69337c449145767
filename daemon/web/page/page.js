// The page: asks the daemon once a second, and draws what it says. Text only ever goes in as text.

const everyMs = 1000
const shownEvents = 200
const byId = (id) => document.getElementById(id)
const families = { 'ipv4-unicast': 'IPv4', 'ipv6-unicast': 'IPv6' }

let fabric
let chosen = ''
let way = new Set()
let lastEvent = 0

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

function drawn(name, attributes = {}, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text !== undefined) made.textContent = text
  return made
}

/** Replaces what is in a place only where it changed, so that focus and selection stay. */
function fill(place, children) {
  const before = place.firstChild
  const next = document.createElement('div')
  next.append(...children)
  if (before && next.innerHTML === place.innerHTML) return
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.subject : undefined
  place.replaceChildren(...next.childNodes)
  if (focused) place.querySelector(`[data-subject="${CSS.escape(focused)}"]`)?.focus()
}

async function ask(path) {
  const response = await fetch(path)
  if (!response.ok) throw new Error(await response.text())
  return response.json()
}

async function choose(subject) {
  chosen = subject
  byId('subject').value = subject
  await explain()
  show()
}

async function explain() {
  if (chosen === '') return
  try {
    const answer = await ask(`api/explain?subject=${encodeURIComponent(chosen)}`)
    way = new Set(answer.sessions)
    const text = answer.lines.join('\n')
    if (byId('why').textContent !== text) byId('why').textContent = text
  } catch (error) {
    byId('why').textContent = String(error.message)
  }
}

function age(ms) {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h${String(Math.floor(seconds / 60) % 60).padStart(2, '0')}m`
  return `${Math.floor(seconds / 86400)}d${Math.floor(seconds / 3600) % 24}h`
}

const boxWidth = 132
const boxHeight = 42

function place(names, y, width) {
  const step = width / names.length
  return new Map(names.map((name, index) => [name, { x: step * (index + 0.5), y }]))
}

function drawFabric() {
  const { nodes, routers, sessions } = fabric
  const width = Math.max(560, Math.max(nodes.length, routers.length) * (boxWidth + 24))
  const height = 250
  const above = place(routers, 34, width)
  const below = place(nodes, height - 34, width)
  const parts = []
  for (const session of sessions) {
    const from = above.get(session.router)
    const to = below.get(session.node)
    if (!from || !to) continue
    const ends = (shift) => ({
      x1: from.x + shift,
      y1: from.y + boxHeight / 2,
      x2: to.x + shift,
      y2: to.y - boxHeight / 2,
    })
    if (way.has(`${session.node} ${session.router}`)) parts.push(drawn('line', { ...ends(0), class: 'way' }))
    if (session.state !== 'Established') parts.push(drawn('line', { ...ends(0), class: 'down' }))
    else {
      if (session.families.includes('ipv4-unicast')) parts.push(drawn('line', { ...ends(-3), class: 'v4' }))
      if (session.families.includes('ipv6-unicast')) parts.push(drawn('line', { ...ends(3), class: 'v6' }))
    }
  }
  const box = (name, { x, y }, subject, below) => {
    const group = drawn('g', { role: 'button', tabindex: '0', 'data-subject': subject, 'aria-label': `${name}: ${below}` })
    if (subject === chosen) group.setAttribute('class', 'chosen')
    const [left, top] = [x - boxWidth / 2, y - boxHeight / 2]
    group.append(
      drawn('rect', { class: 'box', x: left, y: top, width: boxWidth, height: boxHeight, rx: 8 }),
      drawn('text', { x, y: y - 2 }, name.length > 18 ? `${name.slice(0, 17)}…` : name),
      drawn('text', { x, y: y + 13, class: 'small' }, below),
    )
    return group
  }
  const upOf = (some) => `${some.filter(({ state }) => state === 'Established').length} of ${some.length} up`
  for (const [name, at] of above) {
    const own = sessions.filter(({ router }) => router === name)
    const since = own.length === 1 ? `${own[0].state === 'Established' ? 'up' : own[0].state} ${age(own[0].sinceMs)}` : upOf(own)
    parts.push(box(name, at, `peer/${own[0]?.address ?? name}`, since))
  }
  for (const [name, at] of below) {
    parts.push(box(name, at, `node/${name}`, upOf(sessions.filter(({ node }) => node === name))))
  }
  const drawing = byId('drawing')
  drawing.setAttribute('viewBox', `0 0 ${width} ${height}`)
  fillDrawing(drawing, parts)
}

function fillDrawing(drawing, parts) {
  const focused = drawing.contains(document.activeElement) ? document.activeElement.dataset.subject : undefined
  drawing.replaceChildren(...parts)
  if (focused) drawing.querySelector(`[data-subject="${CSS.escape(focused)}"]`)?.focus()
}

function counter(name, value, bad = false) {
  return element('div', bad ? { class: 'bad' } : {}, element('b', {}, String(value)), ` ${name}`)
}

function showCounters() {
  const { sessions, withheld, findings } = fabric
  const up = sessions.filter(({ state }) => state === 'Established')
  const sum = (family) => sessions.reduce((total, { advertised }) => total + advertised[family], 0)
  const sent = Object.entries(families).map(([family, name]) => counter(`${name} routes sent`, sum(family)))
  fill(byId('counters'), [
    counter(`of ${sessions.length} sessions up`, up.length, up.length < sessions.length),
    ...sent,
    counter('withheld', withheld.length),
    counter('findings', findings.length, findings.length > 0),
  ])
}

/** Names of nodes, none of them broken at a hyphen. */
const names = (nodes) => nodes.flatMap((name) => [element('span', { class: 'name' }, name), ' '])

/** What is withheld may be no prefix at all. */
const familyOf = (prefix) => (prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast')

function showRoutes() {
  const rows = fabric.routes.map(({ prefix, family, object, field, nodes }) =>
    element(
      'tr',
      prefix === chosen ? { class: 'chosen' } : {},
      element('td', {}, element('button', { type: 'button', class: family, 'data-subject': prefix }, prefix)),
      element('td', {}, ...names(nodes)),
      element('td', { class: 'faint' }, `${object} ${field}`),
    ),
  )
  fill(byId('routes'), rows)
  byId('more').textContent = fabric.more > 0 ? `and ${fabric.more} more` : ''
  const held = new Map()
  for (const one of fabric.withheld) {
    const key = JSON.stringify([one.prefix, one.object, one.reason])
    const known = held.get(key)
    held.set(key, known ? { ...known, node: `${known.node} ${one.node}` } : one)
  }
  const withheld = [...held.values()].map(({ node, prefix, object, reason, mend }) =>
    element(
      'tr',
      { title: mend },
      element('td', {}, element('button', { type: 'button', class: familyOf(prefix), 'data-subject': prefix }, prefix)),
      element('td', {}, ...names(node.split(' '))),
      element('td', {}, `${reason} `, element('span', { class: 'faint' }, object)),
    ),
  )
  fill(byId('withheld'), withheld)
  fill(
    byId('findings'),
    fabric.findings.map((text) => element('li', {}, text)),
  )
}

function show() {
  if (!fabric) return
  byId('title').textContent = fabric.title
  drawFabric()
  showCounters()
  showRoutes()
}

async function showEvents() {
  const { events, last } = await ask(`api/events?after=${lastEvent}`)
  // A daemon that was started again counts from the beginning.
  if (last < lastEvent) byId('events').replaceChildren()
  const isFirst = lastEvent === 0
  lastEvent = last
  const list = byId('events')
  for (const { at, kind, subject, text } of events) {
    const time = new Date(at).toLocaleTimeString([], { hour12: false })
    list.prepend(
      element(
        'li',
        { class: isFirst ? kind : `${kind} new` },
        element('time', { datetime: at }, time),
        element('span', { class: 'kind' }, kind),
        element('span', { class: 'text' }, `${subject}  ${text}`),
      ),
    )
  }
  while (list.childElementCount > shownEvents) list.lastElementChild.remove()
}

async function look() {
  try {
    fabric = await ask('api/fabric')
    await explain()
    await showEvents()
    show()
    byId('lost').hidden = true
  } catch {
    byId('lost').hidden = false
  }
  setTimeout(() => void look(), everyMs)
}

document.addEventListener('click', ({ target }) => {
  const subject = target.closest('[data-subject]')?.dataset.subject
  if (subject) void choose(subject)
})
document.addEventListener('keydown', (event) => {
  const { key, target } = event
  if (key === '/' && target.tagName !== 'INPUT') {
    event.preventDefault()
    byId('subject').select()
  }
  if ((key === 'Enter' || key === ' ') && target.closest?.('g[data-subject]')) {
    event.preventDefault()
    void choose(target.closest('[data-subject]').dataset.subject)
  }
})
byId('search').addEventListener('submit', (event) => {
  event.preventDefault()
  const subject = byId('subject').value.trim()
  if (subject !== '') void choose(subject)
})

const themes = ['', 'light', 'dark']
function setTheme(theme) {
  if (theme === '') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  byId('theme').title = theme === '' ? 'as the system' : theme
  localStorage.setItem('theme', theme)
}
byId('theme').addEventListener('click', () => {
  const now = document.documentElement.dataset.theme ?? ''
  setTheme(themes[(themes.indexOf(now) + 1) % themes.length])
})
setTheme(localStorage.getItem('theme') ?? '')
void look()
