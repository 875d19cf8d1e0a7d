// Package hook gives the other packages of the SDK access to unexported parts of package guardhouse, which
// sets its variables.
package hook

import "unsafe"

// Documents are the documents of a request in a unit test. A nil document is absent.
type Documents struct {
	Claims, Details, Arguments, Attributes any
	RawToken                               *string
}

var (
	// WithDocuments sets the documents of a *guardhouse.AuthContext in a unit test.
	WithDocuments func(ctx any, documents *Documents)
	// DocumentsOf returns the documents that WithDocuments set; nil in a plugin.
	DocumentsOf func(ctx any) *Documents
	// Lift converts a record of the host to a *guardhouse.AuthContext.
	Lift func(record unsafe.Pointer) any
	// Guard runs one call of the host. A panic in it is a fault.
	Guard func(call func())
	// Announce sets the function that a report names as the origin of an error.
	Announce func(check any)
)
