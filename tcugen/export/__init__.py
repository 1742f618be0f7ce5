"""A build in the forms that other tools take: file lists, register maps, cores, modules and test benches."""
