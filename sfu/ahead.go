package sfu

import "unsafe"

// How far ahead of the seat that is served each thing is fetched: what the next one is found by has to be
// there by then.
const (
	seatAhead, routeAhead, pathAhead, keyAhead = 4, 3, 2, 1
	// seatLines is how many cache lines the first part of a seat has, which each packet needs; scheduleLines
	// and tableLines how many an expanded AES-128 key has at its beginning and its table of GCM from tableAt on
	// (crypto/internal/fips140/aes/gcm of Go 1.26; elsewhere it would be fetched for nothing).
	seatLines, scheduleLines, tableAt, tableLines = 5, 3, 448, 5
)

// ahead has the processor fetch what the seats after i need, while it is busy with i. Between two packets
// the kernel's sending has filled the caches with other things: of what a packet to a hundred costs
// besides that, half was waiting for memory.
func ahead(seats []*seat, i int) {
	rest := seats[i+1:]
	if len(rest) >= seatAhead {
		prefetch(unsafe.Pointer(rest[seatAhead-1]), seatLines)
	}
	if len(rest) >= routeAhead {
		prefetch(unsafe.Pointer(rest[routeAhead-1].route), 1)
	}
	if len(rest) >= pathAhead {
		r := rest[pathAhead-1].route
		prefetch(unsafe.Pointer(r.path.Load()), 1)
		prefetch(unsafe.Pointer(r.destination.Load()), 1)
	}
	if len(rest) >= keyAhead {
		if chosen := rest[keyAhead-1].route.path.Load(); chosen != nil && chosen.sealer.key != nil {
			prefetch(chosen.sealer.key, scheduleLines)
			prefetch(unsafe.Add(chosen.sealer.key, tableAt), tableLines)
		}
	}
}
