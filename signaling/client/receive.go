package client

import (
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
)

// watchMedia follows the peer connection; to be called before the first offer.
func (c *Client) watchMedia() {
	var once sync.Once
	c.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() {
				c.note(func(t *Timings, since time.Duration) { t.Connected = since })
				close(c.connected)
			})
		}
	})
	c.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		seat := Seat{MID: c.midOf(receiver), Kind: parley.Audio}
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			seat.Kind = parley.Video
		}
		c.start(func() { c.readSeat(seat, track) })
	})
}

// start runs a goroutine that Close waits for, unless the client is closed.
func (c *Client) start(run func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.tasks.Go(run)
	}
}

func (c *Client) midOf(receiver *webrtc.RTPReceiver) string {
	for _, line := range c.pc.GetTransceivers() {
		if line.Receiver() == receiver {
			return line.Mid()
		}
	}
	return ""
}

// Seats are the lines on which media arrives, in the order of the offer.
func (c *Client) Seats() []Seat {
	var seats []Seat
	for _, line := range c.pc.GetTransceivers() {
		if line.Direction() != webrtc.RTPTransceiverDirectionRecvonly || line.Mid() == "" {
			continue
		}
		seats = append(seats, Seat{MID: line.Mid(), Kind: parley.MediaKind(line.Kind().String())})
	}
	return seats
}

// readSeat hands on what arrives on a seat until the connection closes.
func (c *Client) readSeat(seat Seat, track *webrtc.TrackRemote) {
	first := true
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if first {
			first = false
			c.note(func(t *Timings, since time.Duration) {
				if t.FirstPacket == 0 {
					t.FirstPacket = since
				}
			})
		}
		if c.cfg.OnPacket != nil {
			c.cfg.OnPacket(seat, packet)
		}
	}
}
