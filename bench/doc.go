// Package bench is the load generator of `parley bench`: it takes part in a meeting many times over and
// measures what the server makes of it.
//
// # The path of a run
//
//	config.go     what is to be done, checked
//	scenario.go   who sends and who receives what
//	run.go        joins everybody, waits, measures, leaves
//	protocol.go   the way to parley: its WebSocket, by signaling/client
//	whip.go       the way to any server: WHIP and WHEP
//	connection.go peer connections, the same for both
//	report.go     what came of it
//
// and of a churn, in which people join and leave and the server is to keep nothing of them:
//
//	churn.go        two meetings, one after the other, and a look at the server after each
//	life.go         one participation in them
//	private.go      what the server tells of itself
//	churn_report.go what it kept
//
// and of a packet:
//
//	pacer.go      the time has come for a packet of a stream
//	stream.go     makes it: synthetic VP8 or Opus, with a stamp (stamp.go) in its payload
//	sweep_linux.go reads what comes back, many packets at a time
//	receiver.go   opens its first bytes (opener.go, with keys from keys.go), finds the stamp
//	collector.go  counts it, by participant and stream (histogram.go)
//
// # How it measures
//
// The delay of a packet runs from just before it is written to the kernel's timestamp at the socket of
// whoever receives it, by one clock: both ends are here. Connections are real ones (ICE, DTLS and RTCP by
// Pion), but RTP never gets to Pion: one thread sweeps all sockets, so that the generator stays small
// beside the server and nobody has to be woken for a packet. Packets are opened, not authenticated.
// Receivers report and send transport-wide feedback as browsers do, and ask for nothing again.
//
// The CPU time of the server is that of its process, as /proc tells it, by the packets that arrived. Over
// loopback that includes the receiving half of the kernel's UDP path.
//
// A generator that was too slow itself says so in Report.Generator, and then blames nobody.
//
// # Goroutines and locks
//
// Run and RunChurn own the sweeper, the pacer and the feedback loop and wait for them; RunChurn also a
// goroutine for each place in its room. dialer.mu comes before receiver.mu,
// which comes before collector.mu; pacer.mu is held over the writing of a packet, by the pacer alone.
//
// Sources: RFC 3550 (RTP), 3711 and 7714 (SRTP), 5764 (DTLS-SRTP), 6464 (audio level), 7741 (VP8), 7983
// (telling packets apart), 9725 (WHIP), draft-ietf-wish-whep.
package bench
