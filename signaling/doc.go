// Package signaling is the conversation of a meeting: one WebSocket per browser, one loop per room.
//
// The path of a message, file by file: session.go reads a frame, decode.go makes a message of it
// (message.go has them all, docs/protocol.md is normative), handle.go carries it out (a ping ahead of
// its turn, in the reader), and chat.go a line of chat; join.go does so for the first one, which takes
// the connection into the meeting. What concerns everybody goes to the loop of the room as a typed
// request (event.go), which owns who is there (roster.go) and what late joiners get. watch.go brings
// news of the media into that loop, caption.go news of the words. rooms.go opens rooms, and at the
// start those that were live when the server stopped; finish.go ends them. parting.go
// has the last words of a connection: they are the cause of its context.
//
// Encoders and players come by HTTP (whip.go) and are sessions without a socket; whippatch.go has what
// they change later, whipsdp.go what is read of their SDP.
//
// # Goroutines
//
//   - A room is one goroutine (room.run) and its helper (room.listen), which it waits for. It is
//     started by Rooms.room and waited for by Rooms.Run.
//   - A session is the goroutine of its HTTP request (session.run) and two helpers, read and write,
//     which it waits for. It owns its sfu.Peer; when another connection takes over, the peer may pass
//     to that one. Rooms.Run waits for sessions too. A room ends after its sessions.
//   - Goroutines of sfu call room.tap and the methods of watch; both return at once.
//
// # Queues
//
//   - session.out, 64 messages: one more closes the connection as too slow; the participant's place is
//     kept for Config.ReconnectGrace, like that of any lost connection.
//   - session.in, 64 frames, and room.inbox, 64 requests: senders wait, and TCP slows the browser down.
//   - watch has no queue: its contents replace each other.
//
// # Locks
//
// Rooms.mu guards the list of rooms, watch.mu the news of the media; neither is held over anything
// that blocks, and neither while the other is taken. program.mu guards the ICE session of an encoder or
// player and is held while its offer is answered; the other two are not taken then. All else belongs to
// one goroutine.
//
// The package never looks into media, and logs neither names, words nor tokens.
//
// Sources: RFC 6455 (WebSocket), RFC 8829 (JSEP: what stays the same between offers), RFC 9725 (WHIP),
// RFC 8840 (what it trickles), RFC 9110 §13 and RFC 6585 §3 (on which condition).
package signaling
