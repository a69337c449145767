/** All that is used of client-node, in a file of its own: loaded when it is needed, and a bundle takes no more of it than this. */

export { KubeConfig } from '@kubernetes/client-node'
