//go:build !linux

package sherpa

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
