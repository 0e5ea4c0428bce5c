module hallway.example/service

go 1.22
