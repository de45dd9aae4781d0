import t from 'tap'
import { isDockerBridge, isInterfaceName } from '../../../src/core/index.ts'

t.test('bridges that programs make are told from hosts by their names', async t => {
  const interfaces = ['docker', 'docker0', 'docker_gwbridge', 'br-0123456789ab', 'br-lan', 'br0']
  interfaces.push('virbr0', 'podman1', 'cni0', 'cni-podman0', 'lxdbr0', 'veth12ab', 'eth0.100')
  for (const name of interfaces) t.equal(isInterfaceName(name), true, name)
  const others = ['localhost', 'dockerhost', 'docker.corp', 'eth0', 'bridge.corp', 'br', '10.0.0.1']
  for (const name of [...others, 'brother', 'eth0.corp', 'host.docker.internal'])
    t.equal(isInterfaceName(name), false, name)
})

t.test("Docker's own bridges are those that it names", async t => {
  for (const name of ['docker0', 'docker_gwbridge', 'br-0123456789ab'])
    t.equal(isDockerBridge(name), true, name)
  for (const name of ['docker', 'docker1', 'br-lan', 'br-0123456789', 'virbr0', 'br0'])
    t.equal(isDockerBridge(name), false, name)
})
