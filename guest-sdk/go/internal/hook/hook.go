// Package hook lets the other packages of the SDK do what package guardhouse does not offer to all.
// Package guardhouse fills it in.
package hook

import "unsafe"

// Documents is what a unit test says of a request beyond its record. A nil document is absent.
type Documents struct {
	Claims, Details, Arguments, Attributes any
	RawToken                               *string
}

var (
	// WithDocuments gives a *guardhouse.AuthContext what it answers in a unit test.
	WithDocuments func(ctx any, documents *Documents)
	// DocumentsOf is what WithDocuments gave; nil in a plugin.
	DocumentsOf func(ctx any) *Documents
	// Lift is the *guardhouse.AuthContext that the host passed.
	Lift func(record unsafe.Pointer) any
	// Guard runs one call of the host. A panic in it is a fault.
	Guard func(call func())
	// Announce names the function that the fault of a check is reported to come from.
	Announce func(check any)
)
