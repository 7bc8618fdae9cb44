#include "io/exif.h"

#include <gtest/gtest.h>

#include "io/picture_fixtures.h"

namespace sinter::io {
namespace {

using test::make_exif;

TEST(Exif, ReadsBothByteOrders) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(exif_orientation(make_exif(orientation, false)), orientation);
    EXPECT_EQ(exif_orientation(make_exif(orientation, true)), orientation);
  }
}

TEST(Exif, ImpossibleValuesCountAsUpright) {
  EXPECT_EQ(exif_orientation(make_exif(0, true)), 1);
  EXPECT_EQ(exif_orientation(make_exif(9, true)), 1);
  EXPECT_EQ(exif_orientation(make_exif(65535, false)), 1);
}

TEST(Exif, MalformedBlocksCountAsUpright) {
  const Bytes sound = make_exif(6, false);
  for (std::size_t size = 0; size < sound.size(); ++size) {
    // The last four bytes, the offset of a next directory, are not needed; the entry is.
    const Bytes prefix(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(exif_orientation(prefix), size + 4 < sound.size() ? 1 : 6) << size;
  }
  Bytes changed = sound;
  changed[2] = 43;  // not TIFF
  EXPECT_EQ(exif_orientation(changed), 1);
  changed = sound;
  changed[24] = 4;  // the entry's type is long
  EXPECT_EQ(exif_orientation(changed), 1);
  changed = sound;
  changed[4] = changed[5] = changed[6] = changed[7] = 0xff;  // the directory lies outside
  EXPECT_EQ(exif_orientation(changed), 1);
  changed = sound;
  changed[8] = changed[9] = 0xff;  // more entries than bytes
  EXPECT_EQ(exif_orientation(changed), 6);
  changed[22] = 0;  // ... and none of them is the orientation
  EXPECT_EQ(exif_orientation(changed), 1);
}

}  // namespace
}  // namespace sinter::io
