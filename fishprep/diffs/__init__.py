"""What two builds of the same photos differ in: `records` in settings and fates, `faces` in pixels, points and maps, `page` to look at."""
