// Package sfu forwards the packets of meetings: from each participant to all who watch and listen,
// and to the taps that record and transcribe.
//
// # Seats
//
// A browser opens one connection and makes all offers. Its recvonly m-lines are seats: an SSRC of
// the server's own each, in which one publication after another is shown, rewritten to one
// continuous stream. What other participants do never causes SDP, so that a join costs one round
// trip whatever the size of the room. Audio seats are voices: the server gives them to the loudest.
//
// # The path of a packet
//
//	ingress.go      reads it from the socket (datagrams_linux.go); sender.go opens it, past Pion, or
//	                leaves it to Pion while its stream is not known (RTCP: srtcp.go)
//	layer.go        drops what was seen before (sequence.go), takes RED apart (red.go), reads what it means
//	                (descriptor.go, dependency.go), gives it to the taps (joined.go), keeps it (ring.go)
//	run.go          holds the beginning of a picture that comes at once, so that it leaves at once
//	ahead.go        fetches what the next subscribers need while one is served
//	forward.go      lets it pass if it is what is to be seen here, from a keyframe on, renumbered (rewriter.go)
//	path.go         writes it (header.go) and seals it (seal.go) with the keys of the subscriber's handshake
//	                (keys.go), or gives it to Pion
//	egress_linux.go sends what all subscribers get in few system calls
//	tcp.go          queues it, where the subscriber came by TCP
//
// and what comes back:
//
//	reception.go    tells publishers what came and what is missing
//	hear.go         takes in what browsers say (RTCP)
//	resend.go       answers NACKs from the ring, by what was noted (history.go)
//	consent.go      answers what browsers ask about the way to them, and asks for their consent (presence.go)
//	knock.go        finds ICE-lite agents; everybody else is found by their own checks
//	feedback.go     asks publishers for keyframes, tells subscribers sender reports, by the clock of beat.go
//	rung.go         how much each layer of a publication is (meter.go), and dynacast.go: who watches it
//	bandwidth.go    how much the way to a browser takes (transport.go, trend.go, wait.go, probe.go)
//	allocate.go     which layer each seat gets, of what the way takes, and of what has failed (setback.go)
//	speaker.go      who is to have a voice, by how loud the layers say they are; voices.go gives it
//
// A publication has one or more layers, the streams that come in: its simulcast encodings, or one that
// holds spatial and temporal layers itself. Taps are given the largest that delivers; each seat has its own.
//
// Around it: sfu.go holds the socket and the rooms; room.go is who sits where; peer.go is one
// connection and its offers (offer.go); seat.go and publication.go are what they hold; engine.go and
// codec.go are Pion's settings; tcp.go is the port for those who cannot use UDP.
//
// # Goroutines
//
// The room's loop is run by the SFU and ended by Room.Close. It owns who is in the room, what is
// published and who sits in which seat. Everything else belongs to a Peer, which waits for it in
// Close: one read loop and one reader of Pion's RTCP per layer, one of that per seat, one feedback loop,
// and Pion's callbacks. Each socket has a reader. A packet goes from that, or from the read loop of its
// layer, to all subscribers without changing goroutine; only a TCP connection has a writer of its own, so that nobody waits for it.
//
// # Locks
//
// In this order: Peer.negotiation, SFU.mu, Peer.mu, sender.taking, layer.reading, sender.mu, publication.mu,
// layer.mu, joined.mu, seat.mu, ring.mu. The room's loop takes none of layer.mu and joined.mu; nobody waits for the loop while holding any of them.
// Only layer.mu is held over a system call, and is waited for by the timer of the same layer, and by who
// joins. bandwidth.mu, consent.mu, knocking.mu and clock.mu stand alone; after rtcpSealer.mu comes only that of a TCP connection; tcpListener.mu and tcpConn.mu are the innermost.
//
// # What it never does
//
// It knows no names, roles or storage, decodes nothing, and logs nothing per packet. A packet is not
// allocated for, and subscribers share no lock.
//
// Sources: RFC 3550 (RTP), 3711 and 7714 (SRTP), 4585 (feedback), 4588 (RTX), 6184 (H.264), 6464 (audio
// level), 7741 (VP8), 8285 (header extensions), 8843 (BUNDLE), 8852 (RID), 8853 (simulcast), 9429 (JSEP),
// 9628 (VP9); AV1 RTP; draft-holmer-rmcat-transport-wide-cc-extensions, draft-ietf-rmcat-gcc.
package sfu
