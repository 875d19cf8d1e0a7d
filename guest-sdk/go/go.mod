module guardhouse.dev/sdk

go 1.24
