module office-hours

go 1.24

require guardhouse.dev/sdk v0.1.0

replace guardhouse.dev/sdk => ../../../guest-sdk/go
