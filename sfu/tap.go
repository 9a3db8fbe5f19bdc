package sfu

import (
	"time"

	"github.com/pion/rtp"
)

// Tap is given every packet of one publication, before any seat is: once each, in order of arrival
// (which is not order of sequence number), from one goroutine at a time.
//
// p and what it points to belong to the publication and are overwritten when Write returns: a tap
// copies what it keeps. Write never blocks, since the meeting waits for it. A simulcast publication
// arrives as one continuous stream, whichever encoding is being received. Close is called exactly
// once, after the last Write.
type Tap interface {
	Write(p *rtp.Packet, arrived time.Time)
	Close()
}
