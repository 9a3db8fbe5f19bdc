package sherpa

import "syscall"

// childAttributes: the child ends with its parent, however that ends, and is spared the terminal's
// interrupt, which is for the parent to act on.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
