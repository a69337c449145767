/** Loaded before the daemon: from SIGUSR2 to the next one the main thread is busy for 400 of every 450 ms. */

let stalling = false

function stall(): void {
  if (!stalling) return
  for (const end = performance.now() + 400; performance.now() < end; ) Math.random()
  setTimeout(stall, 50)
}

process.on('SIGUSR2', () => {
  stalling = !stalling
  stall()
})
