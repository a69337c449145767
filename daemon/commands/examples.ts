/** What `--help` shows below the flags, where a command has more than one way to be used. */

const lines = (pairs: readonly (readonly [command: string, about: string])[]) => {
  const width = Math.max(...pairs.map(([command]) => command.length))
  return `\nExamples:\n${pairs.map(([command, about]) => `  ${command.padEnd(width)}  ${about}`).join('\n')}\n`
}

const exitStatus = `
Exit status with --all-nodes: 0 when every node answered, 1 when one is missing or the API server refuses, 2 for a flag that is wrong.
`

export const examples = {
  peers:
    lines([
      ['tandem peers', 'of the daemon on this node, or in this pod'],
      ['tandem peers -o wide --watch', 'with all columns that fit, again each second'],
      ['tandem peers --all-nodes', 'of the cluster, by the kubeconfig, and which router differs from its twin'],
      ['tandem peers --all-nodes --context prod -n bgp', 'of another cluster and namespace'],
      ['tandem peers --all-nodes --node-selector rack=a -o json', 'of one rack, for programs'],
    ]) + exitStatus,
  routes:
    lines([
      ['tandem routes', 'the best ones'],
      ['tandem routes out --peer fd00::1', 'what this router was sent'],
      ['tandem routes in 0.0.0.0/0 -o wide', 'one prefix, with all columns that fit'],
      ['tandem routes out 2001:db8:113::80/128 --all-nodes', 'which nodes send it, and to whom'],
    ]) + exitStatus,
  explain: lines([
    ['tandem explain 203.0.113.80', 'why a route is there, or is not, and who has it'],
    ['tandem explain default/web', 'the VIPs of a service, and its endpoints by family'],
    ['tandem explain peer/fd00::1', 'a session, and why it is down'],
    ['tandem explain peer/fd00::1 --router frr', 'what the router has to be told of it; bird for BIRD'],
  ]),
} as const
