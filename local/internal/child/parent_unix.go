//go:build unix && !linux

package child

import "syscall"

// dieWithParent has no counterpart outside Linux: there a child notices the parent's end by its closed stdin or
// its broken connection to the Lambda Runtime API.
func dieWithParent(*syscall.SysProcAttr) {}
