package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

// settleTime is how long after its start a server has settled: stores are open, the bus has its streams, and
// whoever waited for it has come back.
const settleTime = 10 * time.Second

// tidy waits until the server has settled and then gives back to the system what only starting needed. It
// returns when that is done, or when ctx ends.
func tidy(ctx context.Context) {
	settled := time.NewTimer(settleTime)
	defer settled.Stop()
	select {
	case <-settled.C:
		runtime.GC() // of what lies in pools, such as 12 MiB that read the migrations, the second gets the rest
		debug.FreeOSMemory()
		dropMapped()
	case <-ctx.Done():
	}
}
