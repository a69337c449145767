/** What runs a command in a pod, in a file of its own: the daemon never needs it, and a bundle takes no more of client-node than this. */

// By its file: the face of the package brings the whole API with it.
export { Exec } from '@kubernetes/client-node/dist/exec.js'
export { WebSocket } from 'ws'
