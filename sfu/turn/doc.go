// Package turn is the TURN server inside parley (RFC 8656): the last way in for a browser whose network
// lets it reach neither the UDP nor the TCP port of media.
//
//	config.go   which ports, which limits; without a port there is no server
//	turn.go     the server around Pion's, and the credentials it gives and takes
//	relay.go    the relayed end: a socket that talks to the media socket of this machine, and to nothing else
//	stream.go   TCP and TLS: how many connections, for how long, and frames that are whole
//	secure.go   the certificate of TLS, read again when it was renewed
//
// It is never an open relay: permissions are given for the addresses of the media socket only, and the
// relayed sockets drop what is for or from any other port. Credentials are made for one person and one
// meeting, end after Config.Lifetime, and are good for a bounded number of allocations. Their secret lives in
// this process's memory.
//
// Goroutines are Pion's: one for each listener, stream and allocation. Server.Run ends them by closing what they
// read from. Locks: none is held while another is taken.
//
// It knows no meetings and no participants, and logs no credentials.
//
// Sources: RFC 8656 (TURN), RFC 8489 §9.2 (long-term credentials), draft-uberti-behave-turn-rest-00 (the
// form of user names and passwords).
package turn
